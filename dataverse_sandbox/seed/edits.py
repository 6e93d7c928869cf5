"""Edits waiting for review: each is of one kind, and the kinds repeat in a cycle.

There are fewer than 30 kinds, and each must appear within 30 edits, so any 30 in a row hold all of them, oldest or
newest first.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from dataverse_sandbox import values
from dataverse_sandbox.catalog import CONTACT, SYNC_FIELD, SYNC_RECORD, Kind
from dataverse_sandbox.seed import material
from dataverse_sandbox.seed.names import JOB_TITLES
from dataverse_sandbox.store import Row

SPREAD = datetime.timedelta(days=6)
_LONG_STORY = (
    "Spoke with {name} about the framework agreement. Delivery is to be split into three lots; the first one leaves "
    "in week 12, the others follow at intervals of four weeks. Invoices go to the head office, copies to Legal. "
)


@dataclass(frozen=True)
class SeedContext:
    """The random generator and the rows that edits use."""

    random: Random
    accounts: tuple[Row, ...]
    editors: tuple[Row, ...]
    names: dict[str, str]


Prepare = Callable[[Row], Row]
Propose = Callable[[Row, SeedContext], Row]


@dataclass(frozen=True)
class EditKind:
    """A kind of edit: `prepare` returns the contact's original values, `propose` those typed in Outlook."""

    name: str
    propose: Propose
    prepare: Prepare = lambda _contact: {}


def _phone(contact: Row, context: SeedContext) -> Row:
    stem = str(contact["telephone1"])[:-4]
    return {"telephone1": f"{stem}{context.random.randrange(1_000, 10_000)}"}


def _e_mail(contact: Row, _context: SeedContext) -> Row:
    local, _, domain = str(contact["emailaddress1"]).partition("@")
    return {"emailaddress1": f"{local.replace('.', '-')}@{domain}"}


def _address(contact: Row, context: SeedContext) -> Row:
    return {
        "address1_line1": f"Harbour Quay {context.random.randrange(1, 60)}",
        "address1_line2": "Pier 4, Warehouse North",
        "address1_line3": "Gate B",
        "address1_postalcode": str(context.random.randrange(10_000, 99_999)),
    }


def _choice(contact: Row, _context: SeedContext) -> Row:
    return {"preferredcontactmethodcode": 5 if contact["preferredcontactmethodcode"] != 5 else 2}


def _lookup(contact: Row, context: SeedContext) -> Row:
    accounts = context.accounts
    place = context.random.randrange(len(accounts))
    if accounts[place]["accountid"] == contact["parentcustomerid"]:
        place = (place + 1) % len(accounts)
    target = accounts[place]["accountid"] if len(accounts) > 1 else None
    return {"parentcustomerid": target, "parentcustomerid_type": "account" if target else None}


def _money(contact: Row, _context: SeedContext) -> Row:
    return {"creditlimit": float(str(contact["creditlimit"])) + 2_500.5}


def _date(contact: Row, _context: SeedContext) -> Row:
    day = datetime.date.fromisoformat(str(contact["birthdate"]))
    return {"birthdate": (day + datetime.timedelta(days=30)).isoformat()}


def _yes_no(contact: Row, _context: SeedContext) -> Row:
    return {"donotemail": 0 if contact["donotemail"] else 1}


def _cleared(_contact: Row, _context: SeedContext) -> Row:
    return {"mobilephone": None}


def _filled(_contact: Row, context: SeedContext) -> Row:
    return {"assistantname": context.random.choice(("Mina Clarke", "Tomás Ferreira", "Ingrid Aas"))}


def _format_only(contact: Row, _context: SeedContext) -> Row:
    spaced = str(contact["mobilephone"])
    return {"mobilephone": spaced.replace(" ", "-") if " " in spaced else f"{spaced[:3]} {spaced[3:]}"}


def _right_to_left(_contact: Row, context: SeedContext) -> Row:
    return {"nickname": context.random.choice(("ليلى حدّاد", "נועה כהן")), "address1_line3": "شارع الملك فيصل 12"}


def _look_alike(contact: Row, _context: SeedContext) -> Row:
    """Replace Latin letters by Cyrillic ones that look the same."""
    twins = str.maketrans({"a": "а", "e": "е", "o": "о"})
    swapped = str(contact["lastname"]).translate(twins)
    return {"lastname": swapped if swapped != contact["lastname"] else f"{contact['lastname']}\u0430"}


def _invisible(contact: Row, _context: SeedContext) -> Row:
    """Insert a zero-width space in the middle and a no-break space at the end."""
    title = str(contact["jobtitle"])
    return {"jobtitle": f"{title[:4]}\u200b{title[4:]}\u00a0"}


def _very_long(contact: Row, _context: SeedContext) -> Row:
    story = _LONG_STORY.format(name=contact["fullname"]) * 12
    return {"description": story[:1_950].rstrip()}


def _choices(contact: Row, _context: SeedContext) -> Row:
    return {"osync_topics": "410000000,410000002,410000004"}


def _number(contact: Row, _context: SeedContext) -> Row:
    return {"numberofchildren": int(str(contact["numberofchildren"])) + 1}


def _unless(name: str, value: object) -> Prepare:
    """Return a preparation that gives the contact the value when it has none."""
    return lambda contact: {} if contact[name] is not None else {name: value}


KINDS: tuple[EditKind, ...] = (
    EditKind("phone", _phone),
    EditKind("choice", _choice),
    EditKind("multi-line address", _address),
    EditKind("e-mail", _e_mail),
    EditKind("lookup", _lookup),
    EditKind("money", _money, _unless("creditlimit", 1_200.0)),
    EditKind("cleared", _cleared, _unless("mobilephone", "+49 171 555 0199")),
    EditKind("date", _date, _unless("birthdate", "1981-03-14")),
    EditKind("yes/no", _yes_no),
    EditKind("filled", _filled),
    EditKind("format only", _format_only, _unless("mobilephone", "+49 171 555 0142")),
    EditKind("right-to-left", _right_to_left),
    EditKind("look-alike", _look_alike),
    EditKind("invisible", _invisible),
    EditKind("very long", _very_long),
    EditKind("several choices", _choices),
    EditKind("number", _number, _unless("numberofchildren", 1)),
)


@dataclass(frozen=True)
class Edit:
    contact: Row
    kind: EditKind
    index: int


def plan(contacts: list[Row], count: int) -> list[Edit]:
    """Plan the edits of each contact; now and then edit one contact twice in a row."""
    if not contacts:
        return []
    found = []
    for index in range(count):
        place = index - 1 if index % 10 == 9 else index
        found.append(Edit(contacts[place % len(contacts)], KINDS[index % len(KINDS)], index))
    return found


def prepare(edits: list[Edit]) -> None:
    """Give every contact the original values of its edits, before any edit is made."""
    for edit in edits:
        edit.contact.update(edit.kind.prepare(edit.contact))


def staged(edits: list[Edit], context: SeedContext, base: datetime.datetime) -> Iterator[tuple[Row, list[Row]]]:
    """Return each edit as a SyncRecord with its SyncFields, oldest first."""
    for edit in edits:
        moment = base - SPREAD * (1 - edit.index / len(edits)) + datetime.timedelta(minutes=-2)
        editor = context.random.choice(context.editors)
        record = _record(edit, context, editor, moment)
        yield record, list(_fields(edit, record, context, str(editor["systemuserid"]), moment))


def _record(edit: Edit, context: SeedContext, editor: Row, moment: datetime.datetime) -> Row:
    contact_id = edit.contact["contactid"]
    found: Row = {
        "osync_syncrecordid": material.new_id(context.random),
        "osync_name": edit.contact["fullname"],
        "osync_contact": contact_id,
        "osync_targettable": CONTACT.name,
        "osync_targetid": contact_id,
        "osync_editor": editor["systemuserid"],
        "osync_editedon": material.stamp(moment),
        "osync_operationid": material.new_id(context.random),
        "osync_source": "plug-in",
        "osync_restored": 1,
    }
    return material.row(SYNC_RECORD, moment, found, by=str(editor["systemuserid"]))


def _fields(edit: Edit, record: Row, context: SeedContext, editor_id: str, moment: datetime.datetime) -> Iterator[Row]:
    typed = edit.kind.propose(edit.contact, context)
    if edit.index % 3 == 0 and "jobtitle" not in typed:
        titles = [title for title in JOB_TITLES if title != edit.contact["jobtitle"]]
        typed["jobtitle"] = context.random.choice(titles)
    after = {**edit.contact, **typed}
    for name in typed:
        if name in CONTACT.by_name and after[name] != edit.contact[name]:
            found = _field(name, record, edit.contact, after, context)
            yield material.row(SYNC_FIELD, moment, found, by=editor_id)


def _field(name: str, record: Row, before: Row, after: Row, context: SeedContext) -> Row:
    column = CONTACT.by_name[name]

    def label(row: Row) -> str | None:
        target = context.names.get(str(row[name])) if column.kind is Kind.LOOKUP else None
        return values.formatted(column, row[name], name=target)

    return {
        "osync_syncfieldid": material.new_id(context.random),
        "osync_name": name,
        "osync_syncrecord": record["osync_syncrecordid"],
        "osync_originalvalue": values.canonical(column, before),
        "osync_proposedvalue": values.canonical(column, after),
        "osync_originallabel": label(before),
        "osync_proposedlabel": label(after),
    }
