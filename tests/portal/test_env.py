"""Settings come from the environment or from files, as they are written there, and what cannot be read is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import env


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Set a variable of a name that no other test has read."""

    def put_value(name: str, value: str, *, in_a_file: bool = False) -> str:
        path = tmp_path / name
        path.write_text(value + "\n")
        monkeypatch.setenv(f"{name}_FILE" if in_a_file else name, str(path) if in_a_file else value)
        return name

    return put_value


@pytest.mark.parametrize("in_a_file", [False, True], ids=["variable", "file"])
def test_a_secret_is_what_was_written_whatever_it_begins_with(put, in_a_file):
    assert env.text(put(f"SECRET_{in_a_file}", r"$3cr\$et#1", in_a_file=in_a_file)) == r"$3cr\$et#1"


def test_a_file_beats_the_variable(put):
    put("BOTH", "from the variable")

    assert env.text(put("BOTH", "from the file", in_a_file=True)) == "from the file"


def test_every_kind_of_setting_may_stand_in_a_file(put):
    assert env.flag(put("A_FLAG", "off", in_a_file=True), default=True) is False
    assert env.number(put("A_NUMBER", "2.5", in_a_file=True), 1) == 2.5
    assert env.items(put("SOME", "a, b", in_a_file=True)) == ["a", "b"]
    assert env.mapping(put("A_MAPPING", '{"a": "b"}', in_a_file=True)) == {"a": "b"}
    assert env.database(put("A_DATABASE", "postgres://u:p@h:5/n", in_a_file=True), "")["PASSWORD"] == "p"


def test_a_file_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("GONE_FILE", "no/such/file")

    with pytest.raises(ImproperlyConfigured, match="GONE_FILE"):
        env.text("GONE")


@pytest.mark.parametrize("word", ["", "maybe", "ja", "enabled", "2"])
def test_a_yes_or_no_that_is_neither_stops_the_start_instead_of_meaning_no(put, word):
    with pytest.raises(ImproperlyConfigured, match="UNSURE must be"):
        env.flag(put("UNSURE", word), default=True)


@pytest.mark.parametrize(("word", "meant"), [("Yes", True), ("on", True), ("1", True), ("OFF", False), ("0", False)])
def test_yes_and_no_have_several_words(put, word, meant):
    assert env.flag(put("SURE", word), default=not meant) is meant


def test_what_is_not_set_has_its_default():
    assert (env.text("UNSET", "x"), env.flag("UNSET", default=True), env.number("UNSET", 7)) == ("x", True, 7)


@pytest.mark.parametrize(("read", "word"), [(lambda name: env.number(name, 1), "soon"), (env.mapping, "[1]")])
def test_a_value_of_another_kind_is_named(put, read, word):
    with pytest.raises(ImproperlyConfigured, match="WRONG must be"):
        read(put("WRONG", word))
