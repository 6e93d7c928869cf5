"""A sentence for each reason for which an original was not restored."""

from __future__ import annotations

import pytest

from syncapp.capture import restore_words
from syncapp.capture.chain_records import Outcome
from syncapp.capture.staging import REFUSED_RESTORES
from syncapp.capture.staging_results import _reason
from syncapp.crm.errors import Stale

STATUSES = {"Rejected": 400, "Forbidden": 403, "NotFound": 404, "Stale": 412}
REFUSALS = [error("no", status=STATUSES[error.__name__]) for error in (*REFUSED_RESTORES, Stale)]
CODES = [
    *(str(outcome) for outcome in Outcome if outcome is not Outcome.RESTORE),
    *(_reason(Outcome.RESTORE, error) for error in REFUSALS),
]


@pytest.mark.parametrize("code", CODES)
def test_every_reason_has_a_sentence(code: str) -> None:
    sentence = restore_words.why_not_restored(code)

    assert sentence.endswith(".")
    assert "does not know" not in sentence


def test_reasons_have_different_sentences() -> None:
    assert len({restore_words.why_not_restored(code) for code in CODES}) == len(CODES)


def test_unlisted_refusals_quote_the_crm_answer() -> None:
    sentence = restore_words.why_not_restored("refused_409", crm_answer="A duplicate was found.")

    assert sentence == "Not restored: the CRM refused it. The CRM’s answer: A duplicate was found."


def test_unknown_code_is_shown() -> None:
    assert "(new_code)" in restore_words.why_not_restored("new_code")
