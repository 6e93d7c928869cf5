"""Sequences of Microsoft's Python SDK that create, read, change and delete definitions."""

from __future__ import annotations

import enum

from microsoft_sdk_session import FORMATTED, client
from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.relationship import (
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from PowerPlatform.Dataverse.models.upsert import UpsertItem


class Size(enum.IntEnum):
    """A choice from which the SDK creates a column."""

    SMALL = 100_000_000
    LARGE = 100_000_001


def metadata() -> object:
    table = client.tables.get("Contact")
    columns = client.tables.list_columns(
        "contact", select=["LogicalName", "AttributeType"], filter="AttributeType eq 'Picklist'"
    )
    typed = client.tables.get_column("contact", "lastname", typed=True)
    plain = client.tables.get_column("contact", "lastname", select=["LogicalName", "SchemaName"])
    keys = client.tables.get_alternate_keys("osync_syncrecord")
    relationships = client.tables.list_table_relationships("contact", select=["SchemaName", "ReferencedEntity"])
    return {
        "table": [table["entity_set_name"], table["primary_id_attribute"], table["primary_name_attribute"]],
        "unknown": client.tables.get("new_Nothing"),
        "picklists": [column["LogicalName"] for column in columns],
        "length": typed["MaxLength"],
        "plain": plain["LogicalName"],
        "no_column": client.tables.get_column("contact", "nothing"),
        "keys": [[key.schema_name, key.key_attributes] for key in keys],
        "relationships": sorted({row.get("ReferencedEntity") or "" for row in relationships}),
        "tables": len(client.tables.list(select=["LogicalName"])),
    }


def table(name: str) -> object:
    """Create, change and delete a custom table."""
    made = client.tables.create(
        name,
        {"new_Code": "string", "new_Amount": "decimal", "new_Size": Size, "new_Done": "bool", "new_Due": "datetime"},
    )
    added = client.tables.add_columns(name, {"new_Remark": {"type": "memo", "max_length": 500}, "new_Count": "int"})
    client.tables.create_lookup_field(
        referencing_table=name, lookup_field_name="new_ContactId", referenced_table="contact"
    )
    client.tables.create_alternate_key(name, "new_ByCode", ["new_code"])
    [key] = client.tables.get_alternate_keys(name)
    contact = client.records.create("contact", {"lastname": "Looked up"})
    row = {"new_Code": "A1", "new_Amount": 12.5, "new_Size": "Large", "new_Done": True, "new_Due": "2026-11-22"}
    bind = {"new_ContactId@odata.bind": f"/contacts({contact})"}
    ids = client.records.create(name, [{**row, **bind}, {"new_Code": "A2", "new_Remark": "plain", "new_Count": 3}])
    client.records.upsert(name, [UpsertItem({"new_code": "A2"}, {"new_Count": 4})])
    found = client.records.list(name, orderby=["new_code"], include_annotations=FORMATTED)
    logical = name.lower()
    joined = client.query.sql(
        f"SELECT t.new_code, c.lastname FROM {logical} t JOIN contact c ON t.new_contactid = c.contactid"  # noqa: S608
    )
    client.tables.delete_alternate_key(name, key.metadata_id)
    removed = client.tables.remove_columns(name, "new_Remark")
    columns = [column["LogicalName"] for column in client.tables.list_columns(name, select=["LogicalName"])]
    client.tables.delete(name)
    return {
        "set": made["entity_set_name"],
        "made": made["columns_created"],
        "added": added,
        "ids": len(set(ids)),
        "rows": [one.data for one in found],
        "joined": [one.data for one in joined],
        "removed": [removed, "new_remark" in columns, "new_count" in columns],
        "after": client.tables.get(name),
    }


def relationships(name: str) -> object:
    """Create both kinds by definition, find, list and delete them."""
    label = Label([LocalizedLabel("Sponsor", 1033)])
    one = client.tables.create_one_to_many_relationship(
        LookupAttributeMetadata("new_SdkSponsor", label),
        OneToManyRelationshipMetadata(f"{name}_one", "account", "contact", "accountid"),
    )
    many = client.tables.create_many_to_many_relationship(
        ManyToManyRelationshipMetadata(f"{name}_many", "contact", "team")
    )
    found = [client.tables.get_relationship(f"{name}_{kind}") for kind in ("one", "many")]
    enumeration = "Microsoft.Dynamics.CRM.RelationshipType'ManyToManyRelationship'"
    listed = client.tables.list_relationships(filter=f"RelationshipType eq {enumeration}", select=["SchemaName"])
    for made in (one, many):
        client.tables.delete_relationship(made.relationship_id)
    return {
        "types": [info.relationship_type for info in found],
        "lookup": one.lookup_schema_name,
        "listed": f"{name}_many" in {row["SchemaName"] for row in listed},
        "after": client.tables.get_relationship(f"{name}_one"),
    }


def batched_definitions(name: str) -> object:
    """Create, change and delete a table in batches."""
    first = client.batch.new()
    first.tables.create(name, {"new_Code": "string"})
    first.tables.get(name)
    first.tables.list(select=["LogicalName"])
    made = first.execute()
    second = client.batch.new()
    second.tables.add_columns(name, {"new_Size": "int"})
    second.tables.create_lookup_field(
        referencing_table=name, lookup_field_name="new_Contact", referenced_table="contact"
    )
    second.tables.get_relationship(f"{name.lower()}_contact_new_contact")
    changed = second.execute()
    third = client.batch.new()
    third.tables.remove_columns(name, "new_Size")
    third.tables.delete(name)
    gone = third.execute()
    return {
        "statuses": [[part.status_code for part in result.responses] for result in (made, changed, gone)],
        "after": client.tables.get(name),
    }


def changed_column(name: str) -> object:
    """Read a column's definition, change it and write it back."""
    client.tables.create(name, {"new_Code": "string"})
    client.tables.update_column(name, "new_Code", {"max_length": 20, "display_name": "Code of it"})
    client.tables.update_columns(name, {"new_Code": {"max_length": 30}})
    column = client.tables.get_column(name, "new_Code", typed=True, select=["MaxLength", "DisplayName"])
    client.tables.delete(name)
    return [column["MaxLength"], column["DisplayName"]["UserLocalizedLabel"]["Label"]]
