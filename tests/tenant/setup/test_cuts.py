"""A set-up or removal whose connection is cut at any write, and which is run again."""

from __future__ import annotations

import itertools

import pytest

from syncapp.crm.errors import Unreachable
from syncapp.tenant.setup.items import Options, State
from tests.tenant.setup.bare import Bare

ALL = Options(revision=True)
CUTS = pytest.mark.parametrize("loses_answer", [False, True], ids=["before the write", "after the write"])


def is_cut(call, bare: Bare, write: int, *, loses_answer: bool) -> bool:
    """Run with the connection cut at a write; return whether there was such a write."""
    bare.line.cut(write, loses_answer=loses_answer)
    try:
        call()
    except Unreachable:
        return True
    finally:
        bare.line.cut(0, loses_answer=False)
    return False


# The long lane cuts after each write.
@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_repeatedly_interrupted_setup_completes(bare, every):
    """Each run loses the answer to one of its first writes; the next one continues. The last write publishes."""
    bare.apply(ALL)
    whole, writes = bare.everything(), bare.line.writes - 1
    bare.reset()

    cut = [is_cut(lambda: bare.apply(ALL), bare, every, loses_answer=True) for _ in range(writes // every)]

    assert cut == [True] * (writes // every)
    assert sum(item.state is not State.EXISTS for item in bare.plan(ALL)) == writes % every
    bare.apply(ALL)
    assert bare.everything() == whole


def test_repeatedly_interrupted_removal_completes(bare):
    before = bare.everything()
    bare.apply(ALL)

    runs = sum(1 for _ in itertools.takewhile(lambda _: is_cut(bare.remove, bare, 1, loses_answer=True), range(50)))

    assert runs > 5
    assert bare.everything() == before


@pytest.mark.long
@pytest.mark.timeout(3_600)
@CUTS
def test_setup_completes_after_connection_cut_at_any_write(bare, loses_answer):
    bare.apply(ALL)
    whole, writes = bare.everything(), bare.line.writes

    for write in itertools.count(1):
        bare.reset()
        if not is_cut(lambda: bare.apply(ALL), bare, write, loses_answer=loses_answer):
            break
        bare.apply(ALL)
        assert bare.everything() == whole, write
    assert write == writes + 1, "every write was cut"


@pytest.mark.long
@pytest.mark.timeout(3_600)
@CUTS
def test_removal_completes_after_connection_cut_at_any_write(bare, loses_answer):
    before = bare.everything()

    for write in itertools.count(1):
        bare.reset()
        bare.apply(ALL)
        if not is_cut(bare.remove, bare, write, loses_answer=loses_answer):
            break
        bare.remove()
        assert bare.everything() == before, write
