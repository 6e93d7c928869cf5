"""Rows of every model and every code, made with the models of any point of the migrations' history."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.migrations.state import StateApps
from django.db.models import Field, Model

_numbers = itertools.count(1)  # one counter for all calls, so that a second filling repeats no unique value
MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
Values = dict[str, Any]
Snapshot = dict[str, dict[Any, Values]]


def models_of(apps: StateApps) -> Iterator[type[Model]]:
    """Yield the portal's own models."""
    yield from (model for model in apps.get_models() if model._meta.app_label == "syncapp")


def choice_fields(model: type[Model]) -> Iterator[Field[Any, Any]]:
    """Yield the columns that hold codes."""
    yield from (field for field in model._meta.concrete_fields if field.choices)


def fill(apps: StateApps, *, only_empty: bool = False) -> None:
    """Insert rows of every model, one per code, as the release of that time would."""
    rows = Rows(apps)
    empty = [model for model in models_of(apps) if not _all(model).exists()]
    for model in empty if only_empty else models_of(apps):
        for values in rows.variants(model):
            rows.make(model._meta.object_name, **values)


def snapshot(apps: StateApps) -> Snapshot:
    """Return all rows with the columns of these models."""
    return {model._meta.object_name: {row.pk: _columns(row) for row in _all(model)} for model in models_of(apps)}


def recognized_decisions(apps: StateApps) -> set[Any]:
    """Return the keys of rows that a downgrade deletes, because earlier releases cannot store them."""
    decisions: Any = apps.get_model("syncapp", "Decision")
    found = set(decisions.objects.filter(recognized_at__isnull=False).values_list("pk", flat=True))
    assert found
    return found


def without_decisions(rows: Snapshot, keys: set[Any]) -> Snapshot:
    """Return the rows without these decisions."""
    return {**rows, "Decision": {key: row for key, row in rows["Decision"].items() if key not in keys}}


def update_all(apps: StateApps) -> None:
    """Save every row again unchanged."""
    for model in models_of(apps):
        for row in _all(model):
            row.save(force_update=True)


def _all(model: type[Model]) -> Any:
    return model._default_manager.all()


def _columns(row: Model) -> Values:
    found = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in found.items()}


class Rows:
    """Creates rows with the models of one migration, leaving out unknown columns."""

    def __init__(self, apps: StateApps) -> None:
        self._apps = apps
        self.person = self.make("Person")

    def knows(self, name: str) -> bool:
        """Return whether the model exists at this point."""
        return name.lower() in self._apps.all_models["syncapp"]

    def has(self, name: str, column: str) -> bool:
        """Return whether the model has this column at this point."""
        return any(field.name == column for field in self._apps.get_model("syncapp", name)._meta.concrete_fields)

    def variants(self, model: type[Model]) -> Iterator[Values]:
        """Yield distinguishing values of a model's rows: all codes and unique values."""
        yield {}
        for field in choice_fields(model):
            yield from ({field.name: code} for code, _ in field.flatchoices)
        yield from _MORE.get(str(model._meta.object_name), lambda rows: [])(self)

    def make(self, name: str, **values: Any) -> Any:
        """Insert a row with made-up values that satisfy the constraints."""
        model: Any = self._apps.get_model("syncapp", name)
        known = {field.name: field for field in model._meta.concrete_fields}
        values = {**_needed(self, name, values), **values}
        values = {key: value for key, value in values.items() if key in known}
        for field in known.values():
            if field.name not in values and _must_be_given(field):
                values[field.name] = self._value(field)
        if "slot" in known:  # the only row of its table
            model._default_manager.all().delete()
        return model._default_manager.create(**values)

    def _value(self, field: Any) -> Any:
        if field.is_relation:
            related = field.related_model._meta.object_name
            return self.person if related == "Person" else self.make(related)
        if field.choices:
            return field.flatchoices[0][0]
        return _MADE_UP[field.get_internal_type()](next(_numbers), field)


def _must_be_given(field: Any) -> bool:
    if field.null or field.has_default() or getattr(field, "auto_now_add", False):
        return False
    return not (field.auto_created or field.has_db_default() or (field.blank and field.empty_strings_allowed))


_MADE_UP: Mapping[str, Callable[[int, Any], Any]] = {
    "BigIntegerField": lambda number, field: number,
    "BinaryField": lambda number, field: b"\x01" * 16,
    "BooleanField": lambda number, field: False,
    "CharField": lambda number, field: f"{field.name} {number}"[: field.max_length],
    "DateField": lambda number, field: date(2020, 1, 1) + timedelta(days=number),
    "DateTimeField": lambda number, field: MOMENT + timedelta(seconds=number),
    "IntegerField": lambda number, field: number,
    "JSONField": lambda number, field: {"number": number},
    "PositiveBigIntegerField": lambda number, field: number,
    "PositiveIntegerField": lambda number, field: number,
    "PositiveSmallIntegerField": lambda number, field: number,
    "SmallIntegerField": lambda number, field: 0,
    "TextField": lambda number, field: f"{field.name} {number}",
    "UUIDField": lambda number, field: uuid.uuid4(),
}
_DELIVERIES = {
    "pending": ("none", "conflict"),
    "approved": ("waiting", "sent", "done", "already", "failed"),
    "rejected": ("waiting", "sent", "done", "already", "failed"),
    "superseded": ("waiting", "sent", "done", "failed"),
    "withdrawn": ("none",),
}


def _needed(rows: Rows, name: str, values: Values) -> Values:
    lease = {"lease_until": MOMENT} if values.get("state") in ("leased", "sent") else {}
    return {**lease, **_NEEDED.get(name, lambda rows, values: {})(rows, values)}


def _of_field(rows: Rows, values: Values) -> Values:
    decision = next((key for key, found in _DELIVERIES.items() if values.get("delivery") in found), "pending")
    decision = values.get("decision", decision)
    return {"decision": decision, "delivery": _DELIVERIES[decision][0]}


def _of_decision(rows: Rows, values: Values) -> Values:
    decided_by = None if values.get("kind") == "supersede" else rows.person
    bound = {"delivery": rows.make("Delivery")} if values.get("state") == "bound" else {}
    return {"decided_by": decided_by, "decider_oid": rows.person.oid, **bound}


def _of_item_of_a_run(rows: Rows, values: Values) -> Values:
    return {"outcome": "failed"} if values.get("state") in ("done", "failed") else {}


def _of_comment(rows: Rows, values: Values) -> Values:
    if values.get("kind") == "question":
        return {} if values.get("asks_editor") else {"asked": rows.person}
    return {"question": rows.make("Comment", kind="question")} if values.get("kind") == "answer" else {}


_NEEDED: Mapping[str, Callable[[Rows, Values], Values]] = {
    "CaptureGap": lambda rows, values: {"ends_at": MOMENT},  # one of each reason may be open
    "Comment": _of_comment,
    "Decision": _of_decision,
    "FilterPolicy": lambda rows, values: {
        "team_id": None if values.get("unit_id") else uuid.uuid4(),
        "repair_by": rows.person if values.get("mode") == "repair" else None,
    },
    "FilterRun": lambda rows, values: {"finished_at": MOMENT if values.get("state") == "done" else None},
    "FilterRunItem": _of_item_of_a_run,
    "Message": lambda rows, values: {"recipient": None if values.get("address") else rows.person},
    "Rule": lambda rows, values: {"enabled_by": rows.person if values.get("state") == "enabled" else None},
    "SelectionItem": lambda rows, values: (
        {"decision": rows.make("Decision")} if values.get("result") == "taken" else {}
    ),
    "SyncField": _of_field,
}


def _more_decisions(rows: Rows) -> list[Values]:
    by_rule = [{"rule": rows.make("Rule", enabled_by=rows.person), "decided_by": None}] if rows.knows("Rule") else []
    recognized = {"recognized_at": MOMENT, "recognized_by": "Rita Lindqvist", "decided_by": None}
    after_a_restore = [recognized] if rows.has("Decision", "recognized_at") else []
    return [
        *after_a_restore,
        {"four_eyes": True, "unidentified_allowed": True},
        {"four_eyes": True, "editor_oid": uuid.uuid4()},
        *by_rule,
    ]


_MORE: Mapping[str, Callable[[Rows], list[Values]]] = {
    "AuditEntry": lambda rows: [{"actor": rows.person, "details": {"column": "jobtitle"}, "action": "field.approved"}],
    "Decision": _more_decisions,
    "FilterPolicy": lambda rows: [{"unit_id": uuid.uuid4()}],
    "FilterRun": lambda rows: [
        {"policy": rows.make("FilterPolicy") if rows.knows("FilterPolicy") else None},
        {"undoes": rows.make("FilterRun"), "confirmed_by": rows.make("Person")},
        {"retries": rows.make("FilterRun")},
    ],
    "Message": lambda rows: [{"address": "operations@contoso.example"}, {"record": rows.make("SyncRecord")}],
    "RuleTrace": lambda rows: [{"is_shadow": True}, {"decision": rows.make("Decision")}],
    "SyncField": lambda rows: [
        {"decision": decision, "delivery": delivery}
        for decision, deliveries in _DELIVERIES.items()
        for delivery in deliveries
    ],
    "SyncRecord": lambda rows: [{"assigned_to": rows.person}],
    "UserListEntry": lambda rows: [{"fits_several": True}, {"user": rows.make("FilterUser")}],
}
