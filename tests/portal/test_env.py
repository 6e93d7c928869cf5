"""Settings are read from the environment or from files; errors name the variable."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import env


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Set a variable whose name no other test has read."""

    def put_value(name: str, value: str, *, in_a_file: bool = False) -> str:
        path = tmp_path / name
        path.write_text(value + "\n")
        monkeypatch.setenv(f"{name}_FILE" if in_a_file else name, str(path) if in_a_file else value)
        return name

    return put_value


@pytest.mark.parametrize("in_a_file", [False, True], ids=["variable", "file"])
def test_secret_with_special_characters_is_read_verbatim(put, in_a_file):
    assert env.text(put(f"SECRET_{in_a_file}", r"$3cr\$et#1", in_a_file=in_a_file)) == r"$3cr\$et#1"


def test_file_takes_precedence_over_variable(put):
    put("BOTH", "from the variable")

    assert env.text(put("BOTH", "from the file", in_a_file=True)) == "from the file"


def test_settings_of_every_type_are_read_from_file(put):
    assert env.flag(put("A_FLAG", "off", in_a_file=True), default=True) is False
    assert env.number(put("A_NUMBER", "2.5", in_a_file=True), 1) == 2.5
    assert env.items(put("SOME", "a, b", in_a_file=True)) == ["a", "b"]
    assert env.mapping(put("A_MAPPING", '{"a": "b"}', in_a_file=True)) == {"a": "b"}
    assert env.database(put("A_DATABASE", "postgres://u:p@h:5/n", in_a_file=True), "")["PASSWORD"] == "p"


def test_missing_file_is_named(monkeypatch):
    monkeypatch.setenv("GONE_FILE", "no/such/file")

    with pytest.raises(ImproperlyConfigured, match="GONE_FILE"):
        env.text("GONE")


@pytest.mark.parametrize("word", ["", "maybe", "ja", "enabled", "2"])
def test_unknown_flag_word_is_refused(put, word):
    with pytest.raises(ImproperlyConfigured, match="UNSURE must be"):
        env.flag(put("UNSURE", word), default=True)


def test_unknown_choice_is_refused(put):
    assert env.choice(put("FORMAT", "JSON"), ("text", "json")) == "json"
    with pytest.raises(ImproperlyConfigured, match="FORMATS must be one of text, json"):
        env.choice(put("FORMATS", "xml"), ("text", "json"))


@pytest.mark.parametrize(("word", "meant"), [("Yes", True), ("on", True), ("1", True), ("OFF", False), ("0", False)])
def test_flag_accepts_several_words(put, word, meant):
    assert env.flag(put("SURE", word), default=not meant) is meant


def test_unset_variable_returns_default():
    assert (env.text("UNSET", "x"), env.flag("UNSET", default=True), env.number("UNSET", 7)) == ("x", True, 7)


@pytest.mark.parametrize(("read", "word"), [(lambda name: env.number(name, 1), "soon"), (env.mapping, "[1]")])
def test_variable_with_value_of_wrong_type_is_named(put, read, word):
    with pytest.raises(ImproperlyConfigured, match="WRONG must be"):
        read(put("WRONG", word))


@pytest.mark.parametrize("in_a_file", [False, True], ids=["variable", "file"])
def test_old_name_is_read_with_warning(put, monkeypatch, in_a_file):
    monkeypatch.setattr(env, "RENAMED", {f"NEW_{in_a_file}": f"OLD_{in_a_file}"})
    put(f"OLD_{in_a_file}", "redis://old", in_a_file=in_a_file)

    with pytest.warns(FutureWarning, match=f"OLD_{in_a_file} is now called NEW_{in_a_file}"):
        assert env.text(f"NEW_{in_a_file}") == "redis://old"


def test_new_name_takes_precedence(put, monkeypatch):
    monkeypatch.setattr(env, "RENAMED", {"NEWER": "OLDER"})
    put("OLDER", "redis://old")

    with warnings.catch_warnings(action="error"):
        assert env.text(put("NEWER", "")) == ""


def test_rate_limit_settings_accept_their_old_names():
    assert env.RENAMED == {"RATE_LIMIT_URL": "GOVERNOR_URL", "RATE_LIMIT_TIME_SCALE": "GOVERNOR_TIME_SCALE"}


@pytest.mark.parametrize("value", ["abc", "0", "65536", "-1", "8000.5", "", "٣", "1e3"])
def test_impossible_port_is_refused(put, value):
    with pytest.raises(env.BadValue, match="A_PORT must be a whole number from 1 to 65535"):
        env.port(put("A_PORT", value), 8000)


def test_port_is_a_whole_number(put):
    assert env.port(put("ANOTHER_PORT", "8080"), 8000) == 8080
    assert env.port("PORT_THAT_NOBODY_SET", 8000) == 8000
