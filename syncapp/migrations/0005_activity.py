"""Which area and which column an entry of the trail is about, and the indexes of the activity page's filters."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from syncapp.models.audit import Area, area_of

INDEXES = {
    "audit_of_area": "area",
    "audit_of_action": "action",
    "audit_of_actor": "actor",
    "audit_of_channel": "channel",
    "audit_of_column": "column_name",
}


def fill(apps: Any, schema_editor: Any) -> None:
    """Entries that were written before these columns existed."""
    entries = apps.get_model("syncapp", "AuditEntry").objects
    for action in entries.order_by().values_list("action", flat=True).distinct():
        entries.filter(action=action).update(area=area_of(action))
    column = Coalesce(Cast(KeyTextTransform("column", "details"), TextField()), Value(""))
    entries.filter(details__has_key="column").update(column_name=column)


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0004_mails")]

    operations = [
        migrations.AddField("auditentry", "area", models.CharField(blank=True, default="", max_length=10, choices=Area.choices)),
        migrations.AddField("auditentry", "column_name", models.CharField(blank=True, default="", max_length=128)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        *[migrations.AddIndex("auditentry", models.Index(fields=[column, "at"], name=name)) for name, column in INDEXES.items()],
    ]
