"""Entries that are part of a row of the activity page, and an index of the others by area and person."""

from django.db import migrations, models
from django.db.models import Q

WAS_HEAD = ~Q(action="filter.switched") & ~Q(action="filter.method_set") & ~Q(action="run.undone") & ~Q(channel="selection")
IS_HEAD = WAS_HEAD & Q(is_part=False)
NAMES = {
    "audit_heads": ["at"],
    "audit_heads_of_area": ["area", "at"],
    "audit_heads_of_actor": ["actor", "at"],
}
BY_AREA_AND_ACTOR = models.Index(fields=["area", "actor", "at"], name="audit_heads_of_area_actor", condition=IS_HEAD)


class Migration(migrations.Migration):

    dependencies = [("syncapp", "0084_left_out_users")]

    operations = [
        migrations.AddField(
            "auditentry",
            "is_part",
            models.BooleanField(
                db_default=False, default=False, help_text="The row of its group shows this entry on the activity page."
            ),
        ),
        *(migrations.RemoveIndex("auditentry", name) for name in NAMES),
        *(
            migrations.AddIndex("auditentry", models.Index(fields=fields, name=name, condition=IS_HEAD))
            for name, fields in NAMES.items()
        ),
        migrations.AddIndex("auditentry", BY_AREA_AND_ACTOR),
    ]
