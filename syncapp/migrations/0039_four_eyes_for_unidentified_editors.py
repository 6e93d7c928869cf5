from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):

    dependencies = [
        ("syncapp", "0038_unidentified_editors"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="decision", name="nobody_decides_his_own_edit"),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                name="nobody_decides_their_own_edit",
                condition=Q(four_eyes=False)
                | Q(editor_oid__isnull=True, unidentified_allowed=True)
                | Q(editor_oid__isnull=False) & ~Q(editor_oid=F("decider_oid")),
            ),
        ),
    ]
