from django.db import migrations, models


class Migration(migrations.Migration):
    """Decisions that the CRM's rows prove after a restore: who decided is a name, not a person of ours."""

    dependencies = [
        ("syncapp", "0049_periodic_tasks"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="decision",
            name="somebody_decided_unless_superseded",
        ),
        migrations.AddField(
            model_name="decision",
            name="recognized_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the CRM's row proved it, though our database did not hold it.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="recognized_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Who decided, as the CRM's row names them.",
                max_length=400,
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=models.Q(("recognized_at__isnull", False)),
                fields=["recognized_at"],
                name="decision_recognized",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", False),
                    ("kind", "supersede"),
                    ("rule__isnull", False),
                    ("recognized_at__isnull", False),
                    _connector="OR",
                ),
                name="somebody_decided_unless_superseded",
            ),
        ),
    ]
