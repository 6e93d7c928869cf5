"""The newest part of CHANGELOG.md as plain text, for the help page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_MARKS = re.compile(r"[`*]")


@dataclass(slots=True)
class Section:
    """Items under a heading, such as "Added", and an area, such as "Review"; both may be ''."""

    heading: str
    area: str
    items: list[str] = field(default_factory=list)


def newest_release(text: str) -> tuple[str, list[Section]]:
    """Return the name of the first release of a changelog and its sections, without markup."""
    name, sections = "", list[Section]()
    for line in text.splitlines():
        if line.startswith("## "):
            if name:
                break
            name = _plain(line.removeprefix("## "))
            sections = [Section("", "")]
        elif not name or not line.strip():
            continue
        elif line.startswith("### "):
            sections.append(Section(_plain(line.removeprefix("### ")), ""))
        elif line.startswith("- "):
            sections[-1].items.append(_plain(line.removeprefix("- ")))
        elif line.startswith("  ") and sections[-1].items:
            sections[-1].items[-1] += f" {_plain(line.strip())}"
        else:
            sections.append(Section(sections[-1].heading, _plain(line.strip())))
    return name, [section for section in sections if section.items]


def _plain(text: str) -> str:
    return _MARKS.sub("", _LINK.sub(r"\1", text))
