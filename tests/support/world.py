"""The whole loop in one process: the sandbox over HTTP, the portal's operations, and the sandbox's ledger."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import requests
from django.db.models import F

from syncapp.connection import clients
from syncapp.jobs import deliveries, queue
from syncapp.mirror.edits import pull as changes
from syncapp.models import Breaker, Decision, Delivery, SyncField, SyncRecord
from syncapp.models.review.decision import Outcome
from syncapp.review import decisions
from syncapp.review.context import digest
from syncapp.review.decisions import Choice, DecisionResult
from syncapp.review.delivery import job
from tests.support.people import rita


class World:
    """A CRM with a few contacts, people who edit them, and a portal called step by step."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._ledger_start = 0
        self.is_bare = False

    # --- what other people do in the CRM and in Outlook -------------------------------------------------
    def reset(self, **counts: Any) -> None:
        """Reset the CRM, without edits."""
        self.is_bare = bool(counts.get("bare"))
        self._post("reset", {"users": 3, "contacts": 3, "pending": 0, "seed": 1, **counts})
        self.begin_ledger()

    def begin_ledger(self) -> None:
        """Leave writes until now out of `ledger`."""
        self._ledger_start = max((entry["seq"] for entry in self._get("ledger")), default=0)

    def contact(self, number: int = 0) -> uuid.UUID:
        """Return the id of a contact."""
        rows = self.rows("contacts", select="contactid")
        return uuid.UUID(sorted(row["contactid"] for row in rows)[number])

    def new_contact(self, last_name: str) -> uuid.UUID:
        """Create a contact that no other test edits, and return its id."""
        key = uuid.uuid4()
        contact = {
            "contactid": str(key),
            "firstname": "Tilda",
            "lastname": last_name,
            "jobtitle": "Buyer",
            "department": "Purchasing",
            "telephone1": "+47 55 10 20 30",
        }
        self._post_row("contacts", contact, user="Jonas Weber")
        return key

    def outlook(self, contact: uuid.UUID, **columns: Any) -> None:
        """Edit the contact in Outlook."""
        self._post("outlook", {"contact": str(contact), "changes": columns})

    def plug_in(self, *, enabled: bool) -> None:
        """Turn the company's plug-in on or off; without it, values saved in Outlook stay in the contact."""
        self._session.put(f"{self.url}/sandbox/plugin", json={"enabled": enabled}).raise_for_status()

    def form(self, contact: uuid.UUID, **columns: Any) -> None:
        """Edit the contact in the CRM."""
        self._post("form", {"contact": str(contact), "changes": columns})

    def delete(self, contact: uuid.UUID) -> None:
        """Delete the contact in the CRM."""
        self._post("delete", {"contact": str(contact)})

    def merge(self, contact: uuid.UUID) -> None:
        """Merge the contact into another one."""
        kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
        target = next(row["contactid"] for row in self.rows("contacts") if row["contactid"] != str(contact))
        both = {"Target": {**kind, "contactid": target}, "Subordinate": {**kind, "contactid": str(contact)}}
        self._as_the_company("POST", "Merge", {**both, "UpdateContent": kind, "PerformParentingChecks": False})

    def delete_account(self, account: uuid.UUID) -> None:
        """Delete a company in the CRM."""
        self._post("delete", {"table": "account", "id": str(account)})

    def account(self, name: str = "Short-lived", **columns: str) -> uuid.UUID:
        """Create a company in the CRM and return its id."""
        key = uuid.uuid4()
        self._post_row("accounts", {"accountid": str(key), "name": name, **columns})
        return key

    def hire(self, team: uuid.UUID) -> uuid.UUID:
        """Add a user with an appointment filter to this team of the CRM, and return their id."""
        key = uuid.uuid4()
        unit = self.rows("businessunits", select="businessunitid")[0]["businessunitid"]
        role = next(row for row in self.rows("roles", select="name") if row["name"] == "Basic User")["roleid"]
        user = {
            "systemuserid": str(key),
            "firstname": "Nora",
            "lastname": "Newcomer",
            "internalemailaddress": "nora@brandvik.example",
            "businessunitid@odata.bind": f"/businessunits({unit})",
        }
        self._post_row("systemusers", user)
        self._post_row(f"teams({team})/teammembership_association/$ref", {"@odata.id": f"systemusers({key})"})
        self._post_row(f"systemusers({key})/systemuserroles_association/$ref", {"@odata.id": f"roles({role})"})
        fetch = "<fetch><entity name='appointment'><attribute name='activityid'/></entity></fetch>"
        kept = {"name": "Mine", "returnedtypecode": "appointment", "querytype": 256, "fetchxml": fetch}
        self._post_row("userqueries", kept | {"ownerid@odata.bind": f"/systemusers({key})"})
        return key

    def _post_row(self, set_name: str, row: dict[str, Any], *, user: str = "# Outlook Sync Portal") -> None:
        token = self._post("token", {"user": user})["access_token"]
        url, headers = f"{self.url}/api/data/v9.2/{set_name}", {"Authorization": f"Bearer {token}"}
        self._session.post(url, json=row, headers=headers).raise_for_status()

    def stage_unrounded(self, field: SyncField, proposed: str) -> SyncField:
        """Stage a value as a plug-in sees it, before the CRM rounds it."""
        token = self._post("token", {"user": "# Outlook Sync Portal"})["access_token"]
        url = f"{self.url}/api/data/v9.2/osync_syncfields({field.pk})"
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
        self._session.patch(url, json={"osync_proposedvalue": proposed}, headers=headers).raise_for_status()
        self.pull()
        field.refresh_from_db()
        assert field.proposed_value == proposed
        return field

    def decide_in_the_crm(self, field: SyncField, decision: str = "rejected") -> None:
        """Decide the staging row in the CRM itself."""
        self._post("decide", {"field": str(field.pk), "decision": decision})

    def copy_mark(self, source: SyncField, target: SyncField, *, user: str, **columns: Any) -> None:
        """Copy the portal's mark from one staging row to another by hand."""
        token, mark = self._post("token", {"user": user})["access_token"], self.staged(source)
        copied = "decision", "decisionid", "appliedvalue", "decidedby", "decidedon", "reason"
        body = {f"osync_{name}": mark[f"osync_{name}"] for name in copied} | {"statecode": 1, "statuscode": 2}
        url, headers = f"{self.url}/api/data/v9.2/osync_syncfields({target.pk})", {"Authorization": f"Bearer {token}"}
        self._session.patch(url, json={**body, **columns}, headers=headers).raise_for_status()

    def decided_by_a_lost_portal(self, edit: str, *, by: str) -> None:
        """Mark an edit's fields with decisions that the restored database has lost."""
        token, url = self._post("token", {"user": "# Outlook Sync Portal"})["access_token"], f"{self.url}/api/data/v9.2"
        for field in self.rows("osync_syncfields"):
            if field["_osync_syncrecord_value"] != edit:
                continue
            mark = {
                "decision": 410000001,
                "decisionid": str(uuid.uuid4()),
                "appliedvalue": field["osync_proposedvalue"],
            }
            mark |= {"decidedby": by, "decidedon": "2026-11-20T09:30:00Z"}
            body = {f"osync_{name}": value for name, value in mark.items()} | {"statecode": 1, "statuscode": 2}
            headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
            address = f"{url}/osync_syncfields({field['osync_syncfieldid']})"
            self._session.patch(address, json=body, headers=headers).raise_for_status()

    def define(self, table: str, column: dict[str, Any]) -> None:
        """Add a column to a table, as a customizer does."""
        token = self._post("token", {"user": "# Outlook Sync Portal"})["access_token"]
        url = f"{self.url}/api/data/v9.2/EntityDefinitions(LogicalName='{table}')/Attributes"
        self._session.post(url, json=column, headers={"Authorization": f"Bearer {token}"}).raise_for_status()

    def stage(self, contact: uuid.UUID, column: str, original: str, proposed: str) -> None:
        """Stage an edit of a column that the sandbox does not track, as a company's plug-in would."""
        held = {column: original, "osync_revision": 99}
        self._as_the_company("PATCH", f"contacts({contact})", held)
        self.stage_field(self.stage_edit(contact), column, original, proposed)

    def stage_field(self, edit: uuid.UUID, column: str, original: str, proposed: str) -> None:
        """Stage one changed column of an edit."""
        field = {
            "osync_name": column,
            "osync_syncrecord@odata.bind": f"/osync_syncrecords({edit})",
            "osync_originalvalue": original,
            "osync_proposedvalue": proposed,
            "osync_decision": 410000000,
        }
        self._as_the_company("POST", "osync_syncfields", field)

    def stage_edit(self, row_id: uuid.UUID, *, table: str = "contact") -> uuid.UUID:
        """Stage an edit of a row that has no fields yet, and return its id."""
        edit = uuid.uuid4()
        users = self.rows("systemusers", select="fullname")
        editor = next(user["systemuserid"] for user in users if user["fullname"] == "Jonas Weber")
        record = {
            "osync_syncrecordid": str(edit),
            "osync_editor@odata.bind": f"/systemusers({editor})",
            "osync_targettable": table,
            "osync_targetid": str(row_id),
            "osync_editedon": "2026-11-20T09:30:00Z",
            "osync_operationid": str(edit),
        }
        if table == "contact":
            record["osync_contact@odata.bind"] = f"/contacts({row_id})"
        self._as_the_company("POST", "osync_syncrecords", record)
        return edit

    def _as_the_company(self, method: str, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._post('token', {'user': '# Outlook Sync Portal'})['access_token']}"}
        url = f"{self.url}/api/data/v9.2/{path}"
        self._session.request(method, url, json=body, headers=headers).raise_for_status()

    def faults(self, *rules: dict[str, Any], **switches: Any) -> None:
        """Set faults of the CRM."""
        self._session.put(f"{self.url}/sandbox/faults", json={"rules": list(rules), **switches}).raise_for_status()

    def heal(self, *, drop: bool = False) -> None:
        """End all faults; held requests continue, or are cut with `drop`."""
        query = {"held": "drop"} if drop else {}
        self._session.delete(f"{self.url}/sandbox/faults", params=query).raise_for_status()

    def held(self) -> int:
        """Return the number of requests that the CRM holds."""
        return int(self._get("faults")["held"])

    def take_away(self, *privileges: str) -> None:
        """Take exactly these privileges from the portal's application user; without any, give all back."""
        spelled = {name.lower(): name for name in self.privileges()}
        names = [spelled[name.lower()] for name in privileges]
        self._session.put(f"{self.url}/sandbox/privileges", json={"without": names}).raise_for_status()

    def privileges(self) -> list[str]:
        """Return the names of all privileges of the CRM."""
        return [row["name"] for row in self.rows("privileges", select="name")]

    def audit(self, **switches: Any) -> None:
        """Switch the CRM's auditing: `enabled`, `delay_seconds` and the others of the sandbox."""
        self._session.put(f"{self.url}/sandbox/auditing", json=switches).raise_for_status()

    def bare(self) -> None:
        """Reset the CRM to its state before the portal was set up."""
        self.reset(bare=True)

    def expire(self, **what: bool) -> None:
        """Expire the delta or access tokens."""
        self._post("expire", what)

    # --- the portal, by hand ----------------------------------------------------------------------------
    def pull(self, **options: Any) -> changes.PullResult:
        """Pull changes from the CRM."""
        return changes.pull(clients.verified_client(), **options)

    def edited(self, number: int = 0, **columns: Any) -> dict[str, SyncField]:
        """Edit a contact in Outlook, pull, and return the fields by column."""
        contact = self.contact(number)
        self.outlook(contact, **columns)
        self.pull()
        newest = SyncRecord.objects.filter(target_id=contact).order_by("-edited_on", "-version").first()
        assert newest is not None
        return {field.column_name: field for field in newest.fields.all()}

    def decide(self, approve: tuple[SyncField, ...] = (), reject: tuple[SyncField, ...] = ()) -> DecisionResult:
        """Decide these fields in one submit, as Rita."""
        choices = [Choice(field.pk, Outcome.APPROVED, digest(field)) for field in approve]
        choices += [Choice(field.pk, Outcome.REJECTED, digest(field), reason="Not correct") for field in reject]
        return decisions.decide(choices, by=rita())

    def deliver(self) -> int:
        """Process all due work once, as the tick and the workers do."""
        queue.sweep(Delivery)
        deliveries.adopt_orphans()
        ids = list(Delivery.objects.all().due().values_list("pk", flat=True))
        return sum(job.deliver(pk, crm=clients.verified_client()) for pk in ids)

    def forward(self, seconds: float = 3600) -> None:
        """Skip the waiting times, by moving all due times back."""
        back = timedelta(seconds=seconds)
        Decision.objects.update(due_at=F("due_at") - back)
        Delivery.objects.update(due_at=F("due_at") - back)
        Delivery.objects.exclude(lease_until=None).update(lease_until=F("lease_until") - back)
        Breaker.objects.exclude(next_probe_at=None).update(next_probe_at=F("next_probe_at") - back)

    # --- checks -----------------------------------------------------------------------------------------
    def ledger(self, table: str = "", *, ours: bool = True) -> list[dict[str, Any]]:
        """Return the writes since the reset, by the portal or by all."""
        entries = self._get("ledger", since=self._ledger_start)
        entries = [entry for entry in entries if not table or entry["table"] == table]
        return [entry for entry in entries if not ours or entry["caller"] == self._own_id()]

    def written(self, contact: uuid.UUID, column: str) -> list[Any]:
        """Return the values that the portal wrote into this column, in order."""
        entries = [entry for entry in self.ledger("contact") if entry["id"] == str(contact)]
        return [entry["changes"][column][1] for entry in entries if column in entry["changes"]]

    def value(self, contact: uuid.UUID, column: str) -> Any:
        """Return the CRM's value."""
        return next(row for row in self.rows("contacts") if row["contactid"] == str(contact))[column]

    def staged(self, field: SyncField) -> dict[str, Any]:
        """Return the staging row in the CRM."""
        rows = self.rows("osync_syncfields")
        return next(row for row in rows if row["osync_syncfieldid"] == str(field.pk))

    def rows(self, set_name: str, *, select: str = "") -> list[dict[str, Any]]:
        """Return all rows of a table from the Web API."""
        token = self._post("token", {"user": "Jonas Weber"})["access_token"]
        query = {"$select": select} if select else {}
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._session.get(f"{self.url}/api/data/v9.2/{set_name}", params=query, headers=headers)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def _own_id(self) -> str:
        return str(clients.crm().who_am_i().user_id)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._session.post(f"{self.url}/sandbox/{path}", json=body)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _get(self, path: str, **query: Any) -> Any:
        answer = self._session.get(f"{self.url}/sandbox/{path}", params=query)
        answer.raise_for_status()
        return answer.json()
