"""The full name of a contact after its originals are restored; the CRM computes it from the parts of the name."""

from __future__ import annotations

from collections.abc import Mapping

NAME = "fullname"
PARTS = ("firstname", "middlename", "lastname")


def name_after(values: Mapping[str, str | None], restores: Mapping[str, str | None]) -> str:
    """Return the contact's full name after these restores; the current one if its format is not recognized.

    `values` are the contact's values as read, with the full name and its parts.
    """
    present = values.get(NAME) or ""
    if not restores.keys() & set(PARTS):
        return present
    before, after = (_formats(*(found.get(part) or "" for part in PARTS)) for found in (values, {**values, **restores}))
    return next((new for old, new in zip(before, after, strict=True) if old == present), present)


def _formats(first: str, middle: str, last: str) -> list[str]:
    """Return the name in each format that an organization can choose (FullNameConventionCode)."""
    initial = middle[:1]
    given = [" ".join(filter(None, (first, each))) for each in ("", middle, initial and f"{initial}.", initial)]
    return [
        *(" ".join(filter(None, (each, last))) for each in given),
        *(", ".join(filter(None, (last, each))) for each in given),
        " ".join(filter(None, (last, first))),
        last + first,
    ]
