"""Bulk decisions belong to the area of decisions."""

from __future__ import annotations

from typing import Any

from django.db import migrations

ACTIONS = ("selection.approved", "selection.rejected")


def fill(apps: Any, schema_editor: Any) -> None:
    """Move the entries of bulk decisions from the settings to the decisions."""
    apps.get_model("syncapp", "AuditEntry").objects.filter(action__in=ACTIONS).update(area="decision")


class Migration(migrations.Migration):

    dependencies = [("syncapp", "0081_activity_groups")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
