"""The writing probe on a test contact: its pager is changed, and put back at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, NotFound, ProtocolError
from syncapp.crm.names import Names
from syncapp.crm.staging.records import ChangeSet, Column, ContactWrite, LiveContact

COLUMN = "pager"
TAG = "osync-probe"
_NUMBERS = ("+1 555 0100", "+1 555 0101")


class PagerProbe:
    """A test contact whose pager is changed and restored."""

    def __init__(self, crm: CrmClient, contact_id: UUID, column: Column, *, has_revision: bool) -> None:
        self._crm = crm
        self._contact_id = contact_id
        self._column = column
        self._has_revision = has_revision
        self.original = self._read().values[COLUMN]

    def change(self) -> None:
        """Write another number and read it back. Raises CrmError."""
        live = self._read()
        number = next(number for number in _NUMBERS if number != live.values[COLUMN])
        self._write(live, number)

    def restore(self) -> None:
        """Put the original number back and read it back. Raises CrmError."""
        live = self._read()
        if live.values[COLUMN] != self.original:
            self._write(live, self.original)

    def _write(self, live: LiveContact, number: str | None) -> None:
        # Raise the revision, as every program does, or the CRM's plug-in would take the write for an Outlook edit.
        revision = None if live.revision is None else live.revision + 1
        write = ContactWrite(self._contact_id, live.etag, revision, ((self._column, number),))
        self._crm.apply(ChangeSet(contact=write, marks=(), closes=()), tag=TAG)
        if self._read().values[COLUMN] != number:
            raise ProtocolError(f"The {COLUMN} does not have the value that was written.", code="probe")

    def _read(self) -> LiveContact:
        found = self._crm.read_for_delivery(
            table="contact",
            contact_id=self._contact_id,
            columns=[self._column],
            record_ids=(),
            with_revision=self._has_revision,
        ).contact
        if found is None:
            raise NotFound("There is no such contact.", status=404)
        return found


@contextmanager
def pager_probe(crm: CrmClient, names: Names, contact_id: UUID) -> Iterator[PagerProbe]:
    """Yield the probe, and put the contact's pager back in any case. Raises CrmError."""
    columns = {column.name: column for column in crm.columns("contact")}
    if COLUMN not in columns:
        raise ProtocolError(f"The contact has no {COLUMN}.", code="probe")
    has_revision = names.contact_revision in columns
    probe = PagerProbe(crm, contact_id, columns[COLUMN], has_revision=has_revision)
    try:
        yield probe
    finally:
        try:
            probe.restore()
        except CrmError as error:
            shown = probe.original or "empty"
            raise ProtocolError(
                f"The {COLUMN} of {contact_id} could not be put back; its value was {shown}.", code="probe"
            ) from error
