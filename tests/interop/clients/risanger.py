"""Sequences of dataverse-api (by M. Risanger), run unchanged against one organization.

Environment: ORIGIN, TENANT, CLIENT_ID, CLIENT_SECRET; REQUESTS_CA_BUNDLE vouches for ORIGIN.
"""

from __future__ import annotations

import os

import msal
import requests
from conversation import serve
from dataverse_api import DataverseClient
from dataverse_api.errors import DataverseAPIError
from dataverse_api.metadata.attributes import (
    BooleanAttributeMetadata,
    DateTimeAttributeMetadata,
    DecimalAttributeMetadata,
    IntegerAttributeMetadata,
    LookupAttributeMetadata,
    MemoAttributeMetadata,
    StringAttributeMetadata,
)
from dataverse_api.metadata.entity import define_entity
from dataverse_api.metadata.enums import OwnershipType
from dataverse_api.metadata.helpers import Publisher, Solution
from dataverse_api.metadata.relationships import define_relationship
from dataverse_api.utils.batching import BatchCommand, RequestMethod
from dataverse_api.utils.labels import define_label

ORIGIN = os.environ["ORIGIN"]
NOWHERE = "00000000-0000-0000-0000-0000000000aa"


def _session() -> requests.Session:
    application = msal.ConfidentialClientApplication(
        os.environ["CLIENT_ID"],
        client_credential=os.environ["CLIENT_SECRET"],
        authority=f"{ORIGIN}/{os.environ['TENANT']}",
        instance_discovery=False,
    )
    token = application.acquire_token_for_client([f"{ORIGIN}/.default"])["access_token"]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    return session


session = _session()
client = DataverseClient(session, ORIGIN)


def crud() -> object:
    contacts = client.entity("contact")
    [made] = contacts.create([{"firstname": "Ann", "lastname": "Berg"}], return_created=True)
    contact = made.json()["contactid"]
    [row] = contacts.read(select=["fullname"], filter=f"contactid eq {contact}")
    [updated] = contacts.upsert([{"contactid": contact, "jobtitle": "Buyer"}])
    [changed] = contacts.read(select=["jobtitle"], filter=f"contactid eq {contact}")
    [deleted] = contacts.delete(ids=[contact])
    return {
        "id": contact,
        "statuses": [made.status_code, updated.status_code, deleted.status_code],
        "names": [row["fullname"], changed["jobtitle"]],
        "left": contacts.read(filter=f"contactid eq {contact}"),
    }


def schema() -> object:
    """Return what the client reads about a table before using it."""
    contacts, records = client.entity("contact"), client.entity("osync_syncrecord")
    return {
        "set": contacts.entity_set_name,
        "key": contacts.primary_id_attr,
        "multiple": [contacts.supports_create_multiple, contacts.supports_update_multiple],
        "keys": records.alternate_keys,
        "single": "parentcustomerid_account" in contacts.relationships.single_valued,
        "collection": "contact_customer_contacts" in contacts.relationships.collection_valued,
        "languages": client.get_language_codes(),
    }


def query(marker: str) -> object:
    names = "Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['Berg','Dahl'])"
    rows = client.entity("contact").read(
        select=["firstname", "lastname"],
        filter=f"department eq '{marker}' and {names}",
        order_by="lastname desc,firstname",
        expand="parentcustomerid_account($select=name)",
        top=2,
    )
    return [[row["firstname"], row["lastname"], (row["parentcustomerid_account"] or {}).get("name")] for row in rows]


def pages(size: int) -> object:
    contacts = client.entity("contact")
    answers = contacts.read(select=["fullname"], page_size=size, return_responses=True)
    rows = contacts.read(select=["gendercode"], page_size=size, return_formatted_values=True)
    labels = {row.get("gendercode@OData.Community.Display.V1.FormattedValue") for row in rows} - {None}
    found = [row["contactid"] for answer in answers for row in answer.json()["value"]]
    return {"pages": len(answers), "distinct": len(set(found)), "labels": sorted(labels)}


def multiple() -> object:
    contacts = client.entity("contact")
    [answer] = contacts.create([{"lastname": f"Several {number}"} for number in range(4)], mode="multiple")
    rows = contacts.read(select=["lastname"], filter="startswith(lastname,'Several')", order_by="lastname")
    return {"ids": len(answer.json()["Ids"]), "names": [row["lastname"] for row in rows]}


def batch() -> object:
    """Send batches with bare line feeds, without change sets, and deletes with a content type."""
    contacts = client.entity("contact")
    made = contacts.create([{"lastname": f"Batch {number}"} for number in range(5)], mode="batch", batch_size=3)
    ids = [row["contactid"] for row in contacts.read(select=["contactid"], filter="startswith(lastname,'Batch')")]
    contacts.upsert([{"contactid": one, "jobtitle": "Old"} for one in ids], mode="batch")
    contacts.delete_columns(["jobtitle"], ids=ids[:2], mode="batch")
    left = contacts.read(select=["jobtitle"], filter="startswith(lastname,'Batch') and jobtitle eq 'Old'")
    removed = contacts.delete(ids=ids, mode="batch", batch_size=2)
    return {
        "batches": [len(made), len(removed)],
        "parts": [answer.text.count("HTTP/1.1 204") for answer in (*made, *removed)],
        "old": len(left),
        "left": len(contacts.read(filter="startswith(lastname,'Batch')")),
    }


def columns() -> object:
    """Set single properties by PUT in a batch, clear them by DELETE."""
    contacts = client.entity("contact")
    [made] = contacts.create([{"lastname": "Lone", "jobtitle": "Old"}], return_created=True)
    contact = made.json()["contactid"]
    client.submit_batch([BatchCommand(f"contacts({contact})", RequestMethod.PUT, data={"jobtitle": "New"})])
    [row] = contacts.read(select=["jobtitle"], filter=f"contactid eq {contact}")
    [answer] = contacts.delete_columns(["jobtitle"], ids=[contact])
    [after] = contacts.read(select=["jobtitle"], filter=f"contactid eq {contact}")
    return [row["jobtitle"], answer.status_code, after["jobtitle"]]


def upsert(key: str) -> object:
    """Upsert by alternate key, one by one and in a batch."""
    records = client.entity("osync_syncrecord")
    name = next(iter(records.alternate_keys))
    rows = [{"osync_operationid": f"{key}{end}", "osync_name": "First"} for end in ("a", "b c")]
    first = [answer.status_code for answer in records.upsert(rows, altkey_name=name)]
    batch = records.upsert([{**row, "osync_name": "Second"} for row in rows], altkey_name=name, mode="batch")
    found = records.read(select=["osync_name", "osync_operationid"], filter=f"startswith(osync_operationid,'{key}')")
    return {
        "first": first,
        "parts": batch[0].text.count("HTTP/1.1 204"),
        "rows": sorted([row["osync_operationid"], row["osync_name"]] for row in found),
    }


def threads() -> object:
    contacts = client.entity("contact")
    answers = contacts.create([{"lastname": f"Thread {number}"} for number in range(12)], threading=True)
    removed = contacts.delete(filter="startswith(lastname,'Thread')", threading=True)
    return [sum(answer.status_code == 204 for answer in part) for part in (answers, removed)]


def table(name: str) -> object:
    """Create, change and delete a table by definition."""
    definition = define_entity(
        name,
        [StringAttributeMetadata(schema_name="new_Name", is_primary_name=True, display_name=define_label("Name"))],
        display_name="Thing",
        ownership_type=OwnershipType.USER_OWNED,
    )
    made = client.create_entity(definition)
    logical = name.lower()
    things = client.entity(logical)
    added = things.add_attribute(StringAttributeMetadata(schema_name="new_Code", display_name=define_label("Code")))
    things.create([{"new_name": "First", "new_code": "A1"}])
    [row] = things.read(select=["new_name", "new_code"])
    whole = client.get_entity_definition(logical)
    whole.display_name = define_label("Renamed")
    changed = client.update_entity(whole, preserve_localized_labels=True)
    label = client.get_entity_definition(logical).display_name.localized_labels[0].label
    removed = things.remove_attribute(logical_name="new_code")
    deleted = client.delete_entity(logical)
    return {
        "statuses": [answer.status_code for answer in (made, added, changed, removed, deleted)],
        "row": [row["new_name"], row["new_code"]],
        "label": label,
        "after": _error(lambda: client.entity(logical)),
    }


def relationship(name: str) -> object:
    """Create, read, change and delete a relationship; the client deletes by a key that no service has."""
    lookup = LookupAttributeMetadata(schema_name="new_PySponsor", display_name=define_label("Sponsor"))
    definition = define_relationship(name, "contact", "account", lookup)
    made = client.create_relationship(definition)
    read = client.get_relationship_definition(name)
    changed = client.update_relationship(definition, preserve_localized_labels=True)
    contacts = client.entity("contact")
    contacts.update_schema("relationships")
    return {
        "statuses": [made.status_code, changed.status_code],
        "name": read.schema_name,
        "known": "new_PySponsor" in contacts.relationships.single_valued,
        "deleted": _error(lambda: client.delete_relationship(name)),
        "removed": contacts.remove_attribute(logical_name="new_pysponsor").status_code,
    }


def columns_of_every_type(name: str) -> object:
    """Create a column of each type that the client can define."""
    contacts = client.entity("contact")
    limits = {"min_value": 0, "max_value": 9}
    kinds = [
        IntegerAttributeMetadata(schema_name=f"{name}Whole", display_name=define_label("Whole"), **limits),
        DecimalAttributeMetadata(
            schema_name=f"{name}Decimal", display_name=define_label("Decimal"), precision=2, **limits
        ),
        DateTimeAttributeMetadata(schema_name=f"{name}Moment", display_name=define_label("Moment")),
        MemoAttributeMetadata(schema_name=f"{name}Memo", display_name=define_label("Memo"), max_length=500),
        BooleanAttributeMetadata(schema_name=f"{name}Yes", display_name=define_label("Yes")),
    ]
    made = [contacts.add_attribute(kind).status_code for kind in kinds]
    low = name.lower()
    row = {f"{low}whole": 3, f"{low}decimal": 1.5, f"{low}memo": "text", f"{low}yes": True}
    [answer] = contacts.create(
        [{"lastname": "Typed", **row, f"{low}moment": "2026-11-22T08:00:00Z"}], return_created=True
    )
    return {"made": made, "row": {name: answer.json()[name] for name in row} == row}


def administration() -> object:
    """Create a publisher; a solution, whose reference the client misspells; a key, which it looks for among columns."""
    publisher = client.create_publisher(Publisher("Interop", "interop", "of a test", "itp", 71_000))
    identity = publisher.headers["OData-EntityId"][-37:-1]
    solution = Solution("Interop", "interop", "of a test", identity)
    contacts = client.entity("contact")
    return {
        "publisher": publisher.status_code,
        "solution": _error(lambda: client.create_solution(solution)),
        "no_key": _error(lambda: contacts.remove_alternate_key(logical_name="new_pykey")),
    }


def impersonate(header: str, value: str) -> object:
    """Impersonate through the session, which belongs to the caller."""
    other = _session()
    other.headers[header] = value
    [made] = DataverseClient(other, ORIGIN).entity("contact").create([{"lastname": "On behalf"}], return_created=True)
    return [made.json()["_createdby_value"], made.json()["_createdonbehalfby_value"]]


def conditions(contact: str) -> object:
    """Use optimistic concurrency through the client's method for single calls."""
    path = f"contacts({contact})"
    tag = client._api_call(RequestMethod.GET, path).json()["@odata.etag"]
    first = client._api_call(RequestMethod.PATCH, path, headers={"If-Match": tag}, json={"lastname": "One"})
    again = _error(
        lambda: client._api_call(RequestMethod.PATCH, path, headers={"If-Match": tag}, json={"lastname": "Two"})
    )
    no_condition = client._api_call(RequestMethod.GET, path, headers={"If-None-Match": "null"})
    return {
        "first": first.status_code,
        "again": again,
        "null": [no_condition.status_code, no_condition.json()["lastname"]],
    }


def errors() -> object:
    contacts = client.entity("contact")
    stranger = requests.Session()
    stranger.headers["Authorization"] = "Bearer nonsense"
    return {
        "missing": _error(lambda: client._api_call(RequestMethod.GET, f"contacts({NOWHERE})")),
        "filter": _error(lambda: contacts.read(filter="nothing eq 1")),
        "long": [answer.status_code for answer in contacts.create([{"lastname": "x" * 51}])],
        "token": _error(lambda: DataverseClient(stranger, ORIGIN).entity("contact")),
        "table": _error(lambda: client.entity("new_nothing")),
    }


def refused() -> object:
    return _error(lambda: client.get_language_codes())


def _error(call) -> object:
    try:
        call()
    except DataverseAPIError as error:
        answer = error.response
        return {"status": answer.status_code, "message": str(error), "retry_after": answer.headers.get("Retry-After")}
    return None


serve(
    {
        name: value
        for name, value in globals().items()
        if callable(value) and getattr(value, "__module__", "") == "__main__"
    }
)
