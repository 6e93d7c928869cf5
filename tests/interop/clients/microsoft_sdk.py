"""Sequences of Microsoft's own Python SDK (PowerPlatform-Dataverse-Client), run unchanged against one organization.

Environment: ORIGIN, TENANT, CLIENT_ID, CLIENT_SECRET; REQUESTS_CA_BUNDLE vouches for ORIGIN.
"""

from __future__ import annotations

import enum
import os

import requests
from azure.core.credentials import AccessToken
from azure.identity import ClientSecretCredential
from conversation import serve
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import DataverseError, HttpError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.relationship import (
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from PowerPlatform.Dataverse.models.upsert import UpsertItem

ORIGIN = os.environ["ORIGIN"]
FORMATTED = "OData.Community.Display.V1.FormattedValue"


class Size(enum.IntEnum):
    """A choice from which the SDK creates a column."""

    SMALL = 100_000_000
    LARGE = 100_000_001


def _credential(secret: str = "") -> ClientSecretCredential:
    return ClientSecretCredential(
        os.environ["TENANT"],
        os.environ["CLIENT_ID"],
        secret or os.environ["CLIENT_SECRET"],
        authority=ORIGIN,
        disable_instance_discovery=True,
    )


client = DataverseClient(ORIGIN, _credential())


def crud() -> object:
    contact = client.records.create(
        "contact", {"firstname": "Ann", "lastname": "Berg", "preferredcontactmethodcode": "Email"}
    )
    made = client.records.retrieve("contact", contact, select=["fullname", "preferredcontactmethodcode"])
    client.records.update("contact", contact, {"JobTitle": "Buyer", "telephone1": None})
    changed = client.records.retrieve("contact", contact, select=["jobtitle"])
    client.records.delete("contact", contact)
    gone = client.records.retrieve("contact", contact)
    return {"id": contact, "made": made.data, "etags": [made.etag, changed.etag], "changed": changed.data, "gone": gone}


def query(marker: str) -> object:
    found = (
        client.query.builder("contact")
        .select("firstname", "lastname")
        .where((col("department") == marker) & col("lastname").in_(["Berg", "Dahl"]))
        .order_by("lastname", descending=True)
        .order_by("firstname")
        .top(2)
        .execute()
    )
    return [[row["firstname"], row["lastname"]] for row in found]


def expand(contact: str) -> object:
    row = client.records.retrieve("contact", contact, select=["fullname"], expand=["parentcustomerid_account"])
    listed = client.records.list("contact", filter=f"contactid eq {contact}", expand=["parentcustomerid_account"])
    return [row["parentcustomerid_account"]["name"], listed[0]["parentcustomerid_account"]["name"]]


def pages(size: int) -> object:
    sizes, seen = [], set()
    for page in client.records.list_pages(
        "contact", select=["fullname"], orderby=["lastname", "firstname"], page_size=size
    ):
        sizes.append(len(page))
        seen |= {row["contactid"] for row in page}
    return {"sizes": sizes, "distinct": len(seen)}


def formatted(contact: str) -> object:
    row = client.records.retrieve(
        "contact",
        contact,
        select=["gendercode", "donotemail", "creditlimit", "_ownerid_value"],
        include_annotations="*",
    )
    return {
        name: row.get(f"{name}@{FORMATTED}") for name in ("gendercode", "donotemail", "creditlimit", "_ownerid_value")
    }


def bulk() -> object:
    ids = client.records.create("contact", [{"lastname": f"Bulk {number}"} for number in range(5)])
    client.records.update("contact", ids, {"jobtitle": "Several"})
    client.records.update("contact", ids[:2], [{"department": "One"}, {"department": "Two"}])
    rows = [client.records.retrieve("contact", one, select=["lastname", "jobtitle", "department"]).data for one in ids]
    job = client.records.delete("contact", ids)
    return {"ids": ids, "rows": rows, "job": job}


def upsert(key: str) -> object:
    client.records.upsert("osync_syncrecord", [UpsertItem({"osync_operationid": key}, {"osync_name": "First"})])
    client.records.upsert("osync_syncrecord", [UpsertItem({"osync_operationid": key}, {"osync_name": "Second"})])
    pair = [UpsertItem({"osync_operationid": f"{key}{end}"}, {"osync_name": f"Several{end}"}) for end in ("", "'s")]
    client.records.upsert("osync_syncrecord", pair)
    rows = client.records.list(
        "osync_syncrecord", select=["osync_name", "osync_operationid"], orderby=["osync_operationid"]
    )
    return [[row["osync_operationid"], row["osync_name"]] for row in rows if row["osync_operationid"].startswith(key)]


def batch(marker: str) -> object:
    request = client.batch.new()
    with request.changeset() as changes:
        account = changes.records.create("account", {"name": f"{marker} Ltd"})
        contact = changes.records.create(
            "contact", {"lastname": marker, "parentcustomerid_account@odata.bind": account}
        )
        changes.records.update("contact", contact, {"jobtitle": "Made at once"})
    request.records.list("contact", filter=f"lastname eq '{marker}'", select=["jobtitle", "_parentcustomerid_value"])
    request.query.sql("SELECT TOP 1 name FROM account")
    result = request.execute()
    return {
        "statuses": [part.status_code for part in result.responses],
        "ids": result.entity_ids,
        "rows": result.responses[3].data["value"],
        "sql": len(result.responses[4].data["value"]),
    }


def rollback(marker: str) -> object:
    request = client.batch.new()
    with request.changeset() as changes:
        changes.records.create("contact", {"lastname": marker})
        changes.records.create("contact", {"lastname": "x" * 51})
    request.records.list("contact", filter=f"lastname eq '{marker}'")
    result = request.execute(continue_on_error=True)
    failed = result.failed[0]
    stopped = client.batch.new()
    stopped.records.delete("contact", "00000000-0000-0000-0000-0000000000aa")
    stopped.records.list("contact", top=1)
    return {
        "statuses": [part.status_code for part in result.responses],
        "error": [failed.error_code, failed.error_message],
        "left": result.responses[-1].data["value"],
        "stopped": [part.status_code for part in stopped.execute().responses],
    }


def fetchxml(size: int) -> object:
    xml = (
        f'<fetch count="{size}"><entity name="contact"><attribute name="fullname"/><order attribute="lastname"/>'
        '<link-entity name="account" from="accountid" to="parentcustomerid" link-type="outer" alias="a">'
        '<attribute name="name"/></link-entity></entity></fetch>'
    )
    sizes = [len(page) for page in client.query.fetchxml(xml).execute_pages()]
    rows = client.query.fetchxml(xml).execute()
    total = client.query.fetchxml(
        '<fetch aggregate="true"><entity name="contact">'
        '<attribute name="contactid" aggregate="count" alias="n"/></entity></fetch>'
    ).execute()
    return {
        "sizes": sizes,
        "distinct": len({row["contactid"] for row in rows}),
        "n": total[0]["n"],
        "first": rows[0].data,
    }


def sql() -> object:
    top = client.query.sql("SELECT TOP 3 fullname FROM contact WHERE statecode = 0 ORDER BY lastname")
    joined = client.query.sql(
        "SELECT a.name, COUNT(c.contactid) AS n FROM account a JOIN contact c ON a.accountid = c.parentcustomerid "
        "GROUP BY a.name ORDER BY n DESC"
    )
    frame = client.dataframe.sql("SELECT fullname, jobtitle, createdon FROM contact")
    return {"top": len(top), "groups": [row.data for row in joined], "frame": list(frame.shape), "columns": list(frame)}


def dataframe() -> object:
    import pandas

    ids = client.dataframe.create("contact", pandas.DataFrame([{"lastname": "Frame A"}, {"lastname": "Frame B"}]))
    client.dataframe.update(
        "contact", pandas.DataFrame({"contactid": ids, "jobtitle": ["a", "b"]}), id_column="contactid"
    )
    found = client.query.builder("contact").select("jobtitle").where(col("lastname").startswith("Frame")).execute()
    return sorted(found.to_dataframe()["jobtitle"])


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


def batched_rows(marker: str) -> object:
    """Run all row operations in a batch."""
    import pandas

    first = client.batch.new()
    first.records.create("contact", [{"lastname": f"{marker} {number}"} for number in range(2)])
    first.records.upsert("osync_syncrecord", [UpsertItem({"osync_operationid": marker}, {"osync_name": "Batched"})])
    first.dataframe.create("contact", pandas.DataFrame([{"lastname": f"{marker} frame"}]))
    made = first.execute()
    ids = [row["contactid"] for row in client.records.list("contact", filter=f"startswith(lastname,'{marker}')")]
    second = client.batch.new()
    second.records.update("contact", ids, {"jobtitle": "Batched"})
    second.dataframe.update("contact", pandas.DataFrame({"contactid": ids, "fax": "1"}), id_column="contactid")
    second.records.retrieve("contact", ids[0], select=["jobtitle", "fax"], include_annotations="*")
    second.records.delete("contact", ids, use_bulk_delete=False)
    second.records.list("contact", filter=f"startswith(lastname,'{marker}')")
    done = second.execute()
    return {
        "made": [part.status_code for part in made.responses],
        "row": [done.responses[2].data["jobtitle"], done.responses[2].data["fax"]],
        "left": done.responses[-1].data["value"],
        "ok": done.has_errors,
    }


def helpers() -> object:
    """Read the definitions from which the SDK builds queries."""
    contact = client.records.create("contact", {"lastname": "Helped"})
    account = client.records.create("account", {"name": "Helper"})
    bind = client.query.odata_bind("contact", "account", account)
    client.records.update("contact", contact, bind)
    expand = client.query.odata_expand("contact", "account")
    row = client.records.retrieve("contact", contact, select=["lastname"], expand=[expand])
    frame = client.dataframe.get("contact", filter="lastname eq 'Helped'", select=["lastname"], count=True)
    counted = client.records.list("contact", filter="lastname eq 'Helped'", count=True, page_size=1)
    deleted = client.dataframe.delete("contact", frame["contactid"], use_bulk_delete=False)
    return {
        "expanded": row[expand]["name"],
        "columns": {column["name"] for column in client.query.sql_columns("contact")} >= {"contactid", "lastname"},
        "select": "lastname" in client.query.odata_select("contact"),
        "expands": expand in {found["nav_property"] for found in client.query.odata_expands("contact")},
        "frame": list(frame["lastname"]),
        "counted": len(counted),
        "deleted": deleted,
        "typed": {column["LogicalName"] for column in client.tables.list_columns("contact", typed=True)}
        >= {"lastname"},
    }


def file_refused(contact: str) -> object:
    """Try to create a file column, which is refused by name."""
    return _error(lambda: client.files.upload("contact", contact, "new_Document", __file__))


def changed_column(name: str) -> object:
    """Read a column's definition, change it and write it back."""
    client.tables.create(name, {"new_Code": "string"})
    client.tables.update_column(name, "new_Code", {"max_length": 20, "display_name": "Code of it"})
    client.tables.update_columns(name, {"new_Code": {"max_length": 30}})
    column = client.tables.get_column(name, "new_Code", typed=True, select=["MaxLength", "DisplayName"])
    client.tables.delete(name)
    return [column["MaxLength"], column["DisplayName"]["UserLocalizedLabel"]["Label"]]


def impersonate(header: str, value: str) -> object:
    """Impersonate through the session's header, since the SDK has no option for it."""
    with DataverseClient(ORIGIN, _credential()) as other:
        other._session.headers[header] = value
        contact = other.records.create("contact", {"lastname": "On behalf"})
    columns = ["_createdby_value", "_createdonbehalfby_value"]
    return client.records.retrieve("contact", contact, select=columns).data


def errors() -> object:
    """Return the SDK's errors for failed requests."""
    nowhere = "00000000-0000-0000-0000-0000000000aa"
    return {
        "update": _error(lambda: client.records.update("contact", nowhere, {"lastname": "x"})),
        "delete": _error(lambda: client.records.delete("contact", nowhere)),
        "long": _error(lambda: client.records.create("contact", {"lastname": "x" * 51})),
        "column": _error(lambda: client.records.create("contact", {"nothing": 1})),
        "filter": _error(lambda: list(client.records.list("contact", filter="nothing eq 1"))),
        "table": _error(lambda: client.records.create("new_nothing", {"a": 1})),
    }


def refused() -> object:
    return _error(lambda: list(client.records.list("contact", top=1)))


def wrong_token() -> object:
    class Forged:
        def get_token(self, *_scopes: str, **_more: object) -> AccessToken:
            return AccessToken("nonsense", 4_000_000_000)

    return _error(lambda: DataverseClient(ORIGIN, Forged()).records.list("contact", top=1))


def wrong_secret() -> str:
    try:
        list(DataverseClient(ORIGIN, _credential("wrong")).records.list("contact", top=1))
    except Exception as error:  # noqa: BLE001 - the kind of the error is what is asked for
        return f"{type(error).__name__}: {error}"
    return ""


def _error(call) -> object:
    try:
        call()
    except HttpError as error:
        details = error.to_dict()
        found = {name: details.get(name) for name in ("status_code", "is_transient")}
        extra = details.get("details") or {}
        return (
            found
            | {name: extra.get(name) for name in ("service_error_code", "retry_after", "service_request_id")}
            | {"message": str(error)}
        )
    except (DataverseError, requests.RequestException) as error:
        return {"message": str(error)}
    return None


serve(
    {
        name: value
        for name, value in globals().items()
        if callable(value) and getattr(value, "__module__", "") == "__main__"
    }
)
