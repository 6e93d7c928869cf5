"""Runs that were frozen before a run knew its size said "0 users"."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce


def count(apps: Any, editor: Any) -> None:
    runs, items = apps.get_model("syncapp", "FilterRun"), apps.get_model("syncapp", "FilterRunItem")
    of_it = items.objects.filter(run=OuterRef("pk")).order_by().values("run").annotate(users=Count("pk"))
    users = Coalesce(Subquery(of_it.values("users"), output_field=IntegerField()), 0)
    runs.objects.filter(users=0).update(users=users)


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0024_run_preparations")]
    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
