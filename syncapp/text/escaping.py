"""Escaping of untrusted text for its destination: mail header, mail line, HTML, CSV cell, log line.

Names, values, reasons and comments are chosen by other people. This module knows neither Django nor the models, so that
every layer can use it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html import escape
from itertools import groupby

from syncapp.text import characters

MAX_HEADER = 200
MAX_DISPLAY_NAME = 100
MAX_MAIL_LINE = 200
MAX_MAIL_TEXT = 2000
MAX_LOG_LINE = 2000

# An encoded word of 39 octets takes 64 characters: with the longest of our header names the line stays below the 76
# that RFC 2047 allows.
_OCTETS = 39
_PLAIN_HEADER = 60
_ATOMS = re.compile(r"[A-Za-z0-9]+( [A-Za-z0-9]+)*")
_MARK = '<span class="hidden-mark" title="{}">{}</span>'

# Spreadsheets may treat any of these as the end of a cell or row, whichever separator the file uses.
_CELL_END = r"[,;|\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
# Characters before a formula that do not make it text: blanks, quotes, hidden characters, and our own guard.
_SKIPPED = (
    r"[ \"'\u00a0\u1680\u2000-\u200f\u202a-\u202f\u205f-\u2069\u3000\ufeff\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]*"
)
_FORMULA_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_UNSAFE_IN_CELL = re.compile(rf"\A(?='*[\t\r\n])|(?:\A|(?<={_CELL_END}))(?={_SKIPPED}{_FORMULA_SIGN})")
_GUARD_IN_CELL = re.compile(rf"\A'(?='*[\t\r\n])|(?:\A|(?<={_CELL_END}))'(?={_SKIPPED}{_FORMULA_SIGN})")


def one_line(text: object) -> str:
    """Return the text on one line, with hidden characters and line ends named in brackets."""
    return " ".join(_name_hidden(str(text)).split())


def mail_line(text: object, *, max_length: int = MAX_MAIL_LINE) -> str:
    """Return the text for one line of a text mail; long text is cut."""
    return _cut(one_line(text), max_length)


def mail_lines(text: object, *, indent: str, max_length: int = MAX_MAIL_TEXT) -> str:
    """Return text of several lines for a text mail, indented to distinguish it from the mail's own lines."""
    lines = _cut("\n".join(str(text).split("\r\n")), max_length).split("\n")
    return "\n".join(f"{indent}{one_line(line)}" for line in lines)


def mail_header(text: object) -> str:
    """Return the value of an unstructured header such as Subject: ASCII, folded, without encoded line breaks.

    It is encoded here and not by `email`, which decodes encoded words in the text and, before Python 3.11.10, writes
    their line breaks unescaped (CVE-2024-6923).
    """
    header = _cut(_break_encoded_words(one_line(text)), MAX_HEADER)
    return header if _is_plain_ascii(header) else _encode_words(header)


def mailbox_header(name: object, address: str) -> str:
    """Return an address with its display name for From or To. Raises ValueError for an unusable address.

    Characters that could form another address are removed from the name, because some servers decode before parsing.
    """
    if not (address.isascii() and address.isprintable()) or set(address) & set(" <>,;"):
        raise ValueError("the address cannot be used in a mail header")
    display_name = " ".join(re.sub(r'[<>@"\\]', " ", _break_encoded_words(one_line(name))).split())
    display_name = _cut(display_name, MAX_DISPLAY_NAME)
    if not display_name:
        return address
    if _ATOMS.fullmatch(display_name):
        return f"{display_name} <{address}>"
    phrase = f'"{display_name}"' if _is_plain_ascii(display_name) else _encode_words(display_name)
    return f"{phrase}\r\n <{address}>"


def html(text: object) -> str:
    """Return the text as HTML in which hidden characters and line ends are replaced by marks with their names."""
    return _with_marks(str(text), plain=escape, mark=html_mark)


def html_lines(text: object) -> str:
    """Return text of several lines as `html` does, but with its line ends kept."""
    return "\n".join(html(line) for line in str(text).replace("\r\n", "\n").split("\n"))


def html_mark(cluster: str) -> str:
    """Return the mark of a hidden character, without the character itself, which could affect the page."""
    return _MARK.format(characters.code(cluster), escape(characters.name(cluster)))


def csv_cell(value: object) -> str:
    """Return a cell that spreadsheets do not evaluate, whether they split by comma, semicolon, tab or pipe.

    Formulas at the beginning of a cell or line get an apostrophe, and apostrophes there get another one, so that
    removing one from each restores the value ("CSV Injection", OWASP).
    """
    return _UNSAFE_IN_CELL.sub("'", "" if value is None else str(value))


def csv_value(cell: str) -> str:
    """Return the value of a cell that `csv_cell` wrote."""
    return _GUARD_IN_CELL.sub("", cell)


def log_line(text: object) -> str:
    """Return text for one line of a log or terminal, cut, with hidden characters named and spaces kept."""
    return _cut(_name_hidden(str(text)), MAX_LOG_LINE)


def log_lines(text: object) -> str:
    """Return text of several lines for a log, indented so that no line looks like a new record."""
    return "\n".join(f"  {log_line(line)}" for line in str(text).split("\n"))


def _name_hidden(text: str) -> str:
    return _with_marks(text, plain=str, mark=lambda cluster: f"[{characters.name(cluster)}]")


def _with_marks(text: str, *, plain: Callable[[str], str], mark: Callable[[str], str]) -> str:
    if text.isascii() and text.isprintable():
        return plain(text)
    return "".join(
        "".join(map(mark, group)) if hidden else plain("".join(group))
        for hidden, group in groupby(characters.clusters(text), key=characters.is_hidden)
    )


def _cut(text: str, max_length: int) -> str:
    return text if len(text) <= max_length else f"{text[: max_length - 1].rstrip()}…"


def _break_encoded_words(text: str) -> str:
    return text.replace("=?", "= ?").replace("?=", "? =")


def _is_plain_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _PLAIN_HEADER


def _encode_words(text: str) -> str:
    """Return the text as encoded words (RFC 2047), one per line."""
    words = [b""]
    for letter in text:
        octets = letter.encode()
        if len(words[-1]) + len(octets) > _OCTETS:
            words.append(b"")
        words[-1] += octets
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words)
