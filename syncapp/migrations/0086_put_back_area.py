"""Plans that put restored values back belong to the area of decisions, as their fields do."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def fill(apps: Any, schema_editor: Any) -> None:
    """Move the entries of such plans from the settings to the decisions."""
    entries = apps.get_model("syncapp", "AuditEntry").objects.filter(action__startswith="capture.put_back_")
    entries.update(area="decision")


class Migration(migrations.Migration):

    dependencies = [("syncapp", "0085_activity_parts")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
