"""Policies that repair already: runs that ended before this release are decided by whoever let them repair."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models.functions import Now


def begin_now(apps: Any, editor: Any) -> None:
    policies = apps.get_model("syncapp", "FilterPolicy")
    policies.objects.filter(mode="repair", repairs_since=None).update(repairs_since=Now())


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0035_disagreements_of_policies")]
    operations = [migrations.RunPython(begin_now, migrations.RunPython.noop)]
