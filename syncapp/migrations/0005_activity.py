"""Which area and which column an entry of the trail is about, and the indexes of the activity page's filters."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from ._steps import Step

AREAS = [
    ("decision", "Decisions"),
    ("delivery", "Written to CRM"),
    ("mirror", "From CRM"),
    ("filter", "Filters"),
    ("team", "Team and mails"),
    ("setting", "Settings"),
    ("sign_in", "Sign-ins"),
]
# The first beginning that fits decides; what fits none is a setting.
BEGINNINGS = {
    "field.delivery.": "delivery",
    "field.superseded": "mirror",
    "field.withdrawn": "mirror",
    "field.": "decision",
    "filter.": "filter",
    "list.": "filter",
    "run.": "filter",
    "policy.": "filter",
    "record.": "team",
    "question.": "team",
    "message.": "team",
    "mail.": "team",
    "person.signed_": "sign_in",
}

INDEXES = {
    "audit_of_area": "area",
    "audit_of_action": "action",
    "audit_of_actor": "actor",
    "audit_of_channel": "channel",
    "audit_of_column": "column_name",
}


def area_of(action: str) -> str:
    """Return the area of an action, by the beginning of its name."""
    return next((area for beginning, area in BEGINNINGS.items() if action.startswith(beginning)), "setting")


def fill(apps: Any, schema_editor: Any) -> None:
    """Entries that were written before these columns existed."""
    entries = apps.get_model("syncapp", "AuditEntry").objects
    for action in entries.order_by().values_list("action", flat=True).distinct():
        entries.filter(action=action).update(area=area_of(action))
    column = Coalesce(Cast(KeyTextTransform("column", "details"), TextField()), Value(""))
    entries.filter(details__has_key="column").update(column_name=column)


class Migration(migrations.Migration):
    atomic = False  # a step each: PostgreSQL makes no index of a table whose rows this transaction changed
    dependencies = [("syncapp", "0004_mails")]

    operations = [
        Step(
            [
                migrations.AddField("auditentry", "area", models.CharField(blank=True, default="", max_length=10, choices=AREAS)),
                migrations.AddField("auditentry", "column_name", models.CharField(blank=True, default="", max_length=128)),
            ],
            proof=("auditentry", "column_name"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        Step(
            [
                migrations.AddIndex("auditentry", models.Index(fields=[column, "at"], name=name))
                for name, column in INDEXES.items()
            ],
            proof=("auditentry", "audit_of_column"),
        ),
    ]
