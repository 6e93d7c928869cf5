"""Untrusted text in each destination where it could do harm."""

from __future__ import annotations

import re
import unicodedata
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncapp.text import escaping

TRICKY = st.text(
    st.sampled_from("=?utf-8qBb_.0aA: \r\n\t\x0b\x1c\x85\u2028\u202e\u200b\u00ad@<>,;|\"'\\+-ÅØ😀＝\U000e0041"),
    max_size=80,
)


def parsed(name: str, value: str) -> str:
    """Return the header as a parser that decodes encoded words reads it."""
    raw = f"{name}: {value}\r\n\r\n".encode("ascii")
    message = message_from_bytes(raw, policy=policy.default)
    assert message.keys() == [name]
    return str(message[name])


def has_hidden(text: str) -> bool:
    return any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in text)


@given(TRICKY)
def test_header_decodes_to_one_visible_line(text: str) -> None:
    value = escaping.mail_header(text)

    assert all(len(line) <= 76 for line in f"Subject: {value}".split("\r\n"))
    found = parsed("Subject", value)
    assert not has_hidden(found)
    assert "=?" not in found


@given(TRICKY)
def test_display_name_adds_no_address(text: str) -> None:
    value = escaping.mailbox_header(text, "rita@contoso.example")

    raw = f"To: {value}\r\n\r\n".encode("ascii")
    header = message_from_bytes(raw, policy=policy.default)["To"]
    assert [each.addr_spec for each in header.addresses] == ["rita@contoso.example"]
    assert not has_hidden(str(header))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Marta: 2 fields", "Marta: 2 fields"),
        ("Åsa", "=?utf-8?b?w4VzYQ==?="),
        ("=?utf-8?q?=0aX:?=", "= ?utf-8?q? =0aX:? ="),
        ("a\r\nb\u202e", "a[line break (CR LF)]b[right-to-left override]"),
    ],
)
def test_header_is_plain_or_encoded(text: str, value: str) -> None:
    assert escaping.mail_header(text) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Rita Lindqvist", "Rita Lindqvist <rita@contoso.example>"),
        ("Lindqvist, Rita", '"Lindqvist, Rita"\r\n <rita@contoso.example>'),
        ("", "rita@contoso.example"),
        ('Rita" <e@evil.example>', '"Rita e evil.example"\r\n <rita@contoso.example>'),
    ],
)
def test_mailbox_header_quotes_names(name: str, value: str) -> None:
    assert escaping.mailbox_header(name, "rita@contoso.example") == value


@pytest.mark.parametrize("address", ["rita@contoso.example\r\nBcc: e@evil.example", "a@x>, <b@x", "å@contoso.example"])
def test_unusable_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        escaping.mailbox_header("Rita", address)


def test_long_header_is_shortened() -> None:
    assert len(parsed("Subject", escaping.mail_header("Åsa " * 1000))) <= escaping.MAX_HEADER


@given(TRICKY)
def test_every_mail_line_is_indented(text: str) -> None:
    assert all(line.startswith("> ") for line in escaping.mail_lines(text, indent="> ").splitlines())


@given(TRICKY)
def test_log_line_is_one_visible_line(text: str) -> None:
    line = escaping.log_line(text)

    assert len(line) <= escaping.MAX_LOG_LINE
    assert not has_hidden(line)


@given(TRICKY)
def test_html_keeps_only_visible_text(text: str) -> None:
    html = escaping.html(text)

    assert not has_hidden(html)
    assert re.sub(r'<span class="hidden-mark" title="[U+0-9A-F ]+">[^<]*</span>', "", html).count("<") == 0


def test_html_lines_keep_line_breaks() -> None:
    assert escaping.html_lines("a\r\n<b>\nc\u202e") == (
        'a\n&lt;b&gt;\nc<span class="hidden-mark" title="U+202E">right-to-left override</span>'
    )
