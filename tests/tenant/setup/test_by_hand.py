"""The list of `crm_setup --export`, made by hand item by item as a person would in a solution of their own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dataverse_sandbox.server import SandboxServer
from syncapp.crm.names import Names
from syncapp.tenant.setup import by_hand
from syncapp.tenant.setup.items import Options, State
from syncapp.tenant.setup.scripts import script_of
from tests.support.world import World
from tests.tenant.setup.bare import Bare

CRM = "Microsoft.Dynamics.CRM."
KINDS = {
    "Single line of text": "StringAttributeMetadata",
    "Multiple lines of text": "MemoAttributeMetadata",
    "Choice": "PicklistAttributeMetadata",
    "Yes/no, default yes": "BooleanAttributeMetadata",
    "Whole number": "IntegerAttributeMetadata",
    "Date and time (user local)": "DateTimeAttributeMetadata",
}
LIST = by_hand.export(Names())


def label(text: str) -> dict[str, Any]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def sections() -> dict[str, str]:
    """Return the parts of the list by their headings."""
    return dict(re.findall(r"^##+ ([^\n]+)\n(.+?)(?=^##+ |\Z)", LIST, re.DOTALL | re.MULTILINE))


def columns(text: str) -> list[list[str]]:
    """Return the rows of a table of columns: name, label, type, details, purpose."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in row] for row in rows]


def column(row: list[str], *, with_default: bool) -> dict[str, Any]:
    """Return the definition of a column that is no lookup, from its row."""
    name, title, kind, details, _ = row
    body: dict[str, Any] = {"@odata.type": CRM + KINDS[kind], "SchemaName": name, "DisplayName": label(title)}
    if length := re.search(r"([\d,]+) characters", details):
        body["MaxLength"] = int(length[1].replace(",", ""))
    if kind.startswith("Yes/no"):
        answers = {"TrueOption": {"Value": 1, "Label": label("Yes")}, "FalseOption": {"Value": 0, "Label": label("No")}}
        body |= {"DefaultValue": kind.endswith("yes"), "OptionSet": answers}
    if kind == "Choice":
        options = {title: int(value) for value, title in re.findall(r"(\d+) = (\w+)", details)}
        listed = [{"Value": value, "Label": label(title)} for title, value in options.items()]
        body["OptionSet"] = {"IsGlobal": False, "OptionSetType": "Picklist", "Options": listed}
        default = re.search(r"default: (\w+)", details)
        assert default is not None
        if with_default:
            body["DefaultFormValue"] = options[default[1]]
    return body


def create(bare: Bare, *, with_default: bool = True) -> None:
    """Create everything on the list but the form script and the role's assignment."""
    for heading, text in sections().items():
        if table := re.fullmatch(r"Table .+ \(`(\w+)`\)", heading):
            create_table(bare, table[1], text, with_default=with_default)
        elif heading.startswith("Column of the contact table"):
            for row in columns(text):
                body = column(row, with_default=with_default)
                bare.send("POST", "EntityDefinitions(LogicalName='contact')/Attributes", body)


def create_table(bare: Bare, table: str, text: str, *, with_default: bool) -> None:
    first, *others = columns(text)
    definition = {
        "@odata.type": f"{CRM}EntityMetadata",
        "SchemaName": table,
        "DisplayName": label(table),
        "DisplayCollectionName": label(table),
        "OwnershipType": "UserOwned",
        "ChangeTrackingEnabled": "Track changes: on" in text,
        "Attributes": [column(first, with_default=True) | {"IsPrimaryName": True}],
    }
    bare.send("POST", "EntityDefinitions", definition)
    for row in others:
        if row[2] != "Lookup":
            body = column(row, with_default=with_default)
            bare.send("POST", f"EntityDefinitions(LogicalName='{table}')/Attributes", body)
            continue
        target = re.search(r"to `(\w+)`", row[3])
        assert target is not None
        relationship = {
            "@odata.type": f"{CRM}OneToManyRelationshipMetadata",
            "SchemaName": f"{table}_{row[0]}",
            "ReferencedEntity": target[1],
            "ReferencingEntity": table,
            "CascadeConfiguration": {"Delete": "Cascade" if "delete with it" in row[3] else "RemoveLink"},
            "Lookup": {"SchemaName": row[0], "DisplayName": label(row[1])},
        }
        bare.send("POST", "RelationshipDefinitions", relationship)
    for name in re.findall(r"Alternate key on `(\w+)`", text):
        key = {"SchemaName": "osync_ours", "DisplayName": label("Key"), "KeyAttributes": [name]}
        bare.send("POST", f"EntityDefinitions(LogicalName='{table}')/Keys", key)


def test_tables_made_from_list_need_no_change(bare: Bare) -> None:
    create(bare)

    states = {item.title: item.state for item in bare.plan(Options(revision=True))}
    tables = {title: state for title, state in states.items() if title.startswith(("table ", "column ", "key "))}

    assert "column contact.osync_revision" in tables
    assert set(tables.values()) == {State.EXISTS}


def test_list_names_publisher_and_form_script() -> None:
    found = sections()

    assert "prefix `osync` and the choice value prefix `41000`" in found["Publisher"]
    script = found["Form script `osync_contact_revision.js`"]
    assert script_of("osync_revision").decode().strip() in script
    assert "OutlookSyncPortal.raiseRevision" in script


def test_list_without_revision_has_no_script() -> None:
    printed = by_hand.export(Names.from_mapping({"contact_revision": ""}))

    assert "Form script" not in printed


@pytest.mark.parametrize("with_default", [True, False])
def test_edit_arrives_in_tables_made_by_hand(world: World, sandbox: SandboxServer, *, with_default: bool) -> None:
    world.reset(bare=True)
    create(Bare(sandbox), with_default=with_default)

    field = world.edited(jobtitle="Pilot")["jobtitle"]

    assert (field.decision, field.unreadable) == ("pending", "")
    world.reset()
