"""Sequences of Microsoft's own Python SDK (PowerPlatform-Dataverse-Client), run unchanged against one organization."""

from __future__ import annotations

import microsoft_sdk_definitions
import requests
from azure.core.credentials import AccessToken
from conversation import serve
from microsoft_sdk_session import FORMATTED, ORIGIN, client, credential
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import DataverseError, HttpError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.upsert import UpsertItem


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
        "has_errors": done.has_errors,
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
    """Try to upload a file, whose column type the sandbox does not support."""
    return _error(lambda: client.files.upload("contact", contact, "new_Document", __file__))


def impersonate(header: str, value: str) -> object:
    """Impersonate through the session's header, since the SDK has no option for it."""
    with DataverseClient(ORIGIN, credential()) as other:
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
        list(DataverseClient(ORIGIN, credential("wrong")).records.list("contact", top=1))
    except Exception as error:  # noqa: BLE001 - the test verifies the kind of the error
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
        for name, value in (vars(microsoft_sdk_definitions) | globals()).items()
        if callable(value) and getattr(value, "__module__", "") in (__name__, microsoft_sdk_definitions.__name__)
    }
)
