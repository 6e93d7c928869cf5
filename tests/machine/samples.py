"""Sample columns and values of edits, few enough that edits collide, repeat and return to old values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as Outlook or a form sends it, and as a reviewer types it."""

    wire: object
    typed: str | None


# The same amount is written in two ways, so that only a comparison by type is correct.
SAMPLES: dict[str, tuple[Sample, ...]] = {
    "jobtitle": (Sample("Buyer", "Buyer"), Sample("Head of Sales", "Head of Sales"), Sample(None, "")),
    "creditlimit": (Sample(1000, "1000"), Sample(1234.5, "1234.50"), Sample(2500, "2500.0")),
    "preferredcontactmethodcode": (Sample(2, "2"), Sample(3, "3"), Sample(4, "4")),
}
COLUMNS = tuple(SAMPLES)

# The CRM refuses it (minimum 0), which our column definition does not reveal.
REFUSED_COLUMN, REFUSED_VALUE = "creditlimit", "-1"


def meaning(column: str, value: object) -> object:
    """Return the meaning of a value from JSON or canonical text, by which the oracle compares values."""
    if value is None or value == "":
        return None
    if column == "creditlimit":
        return Decimal(str(value))
    return int(str(value)) if column == "preferredcontactmethodcode" else str(value)


def wire(edit: dict[str, int]) -> dict[str, object]:
    """Return an edit (column to number of the value) as Outlook or a form sends it."""
    return {column: SAMPLES[column][number].wire for column, number in edit.items()}
