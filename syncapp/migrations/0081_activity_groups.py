"""Indexes of an activity page with one row for each run and bulk decision."""

from django.db import migrations, models
from django.db.models import Q

# The entries that are shown inside the row of their run or bulk decision are no part of these indexes.
IS_HEAD = ~Q(action="filter.switched") & ~Q(action="filter.method_set") & ~Q(action="run.undone") & ~Q(channel="selection")


class Migration(migrations.Migration):

    dependencies = [("syncapp", "0080_signature_evidence")]

    operations = [
        migrations.AddIndex(
            "auditentry",
            models.Index(fields=["group", "action", "at"], name="audit_of_group", condition=Q(group__isnull=False)),
        ),
        migrations.AddIndex("auditentry", models.Index(fields=["at"], name="audit_heads", condition=IS_HEAD)),
        migrations.AddIndex("auditentry", models.Index(fields=["area", "at"], name="audit_heads_of_area", condition=IS_HEAD)),
        migrations.AddIndex("auditentry", models.Index(fields=["actor", "at"], name="audit_heads_of_actor", condition=IS_HEAD)),
    ]
