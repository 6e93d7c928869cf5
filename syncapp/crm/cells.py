"""Single values of a JSON row, read strictly: another type than expected is a ProtocolError."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from syncapp.crm import canonical, odata
from syncapp.crm.errors import ProtocolError

_LARGEST_WHOLE = 2**63 - 1


def text(row: odata.Row, name: str) -> str:
    """A text, '' when empty."""
    return optional_text(row, name) or ""


def optional_text(row: odata.Row, name: str) -> str | None:
    """A text, None when empty: the CRM makes no difference between no value and an empty one."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise wrong(name)
    return value or None


def whole(row: odata.Row, name: str) -> int:
    """A whole number that fits a database column."""
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST_WHOLE:
        raise wrong(name)
    return value


def whole_or_zero(row: odata.Row, name: str) -> int:
    """A whole number, 0 when empty: the first of the CRM's choices means "nothing yet" where this is used."""
    return 0 if row.get(name) is None else whole(row, name)


def flag(row: odata.Row, name: str) -> bool:
    """Yes or no; an empty one is no."""
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong(name)
    return bool(value)


def guid(row: odata.Row, name: str) -> UUID:
    """A GUID that has to be there."""
    found = optional_guid(row, name)
    if found is None:
        raise wrong(name)
    return found


def optional_guid(row: odata.Row, name: str) -> UUID | None:
    """A GUID, None when empty."""
    value = row.get(name)
    try:
        return None if value is None else UUID(value if isinstance(value, str) else "")
    except ValueError as error:
        raise wrong(name) from error


def moment(row: odata.Row, name: str) -> datetime | None:
    """A point in time in UTC, None when empty."""
    value = optional_text(row, name)
    try:
        return None if value is None else canonical.parse_date_time(value)
    except ValueError as error:
        raise wrong(name) from error


def etag(row: odata.Row) -> str:
    """The row's ETag; a write will need it."""
    try:
        return odata.require_etag(text(row, "@odata.etag"))
    except ValueError as error:
        raise wrong("@odata.etag") from error


def wrong(name: str) -> ProtocolError:
    """The error for a value that is not of its type; it names the column, never the value."""
    return ProtocolError(f"The CRM's value of {name} is not of its type.", code="value")
