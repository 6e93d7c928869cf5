"""A model and two fields get standard names, and kinds of mails new labels. Nothing changes in the database."""

from django.db import migrations, models

KINDS = [
    ("new_edits", "New edits"),
    ("digest", "Digest of new edits"),
    ("overdue", "Reminder"),
    ("outcome", "Result of an edit"),
    ("question", "Question from a colleague"),
    ("answer", "Answer to a question"),
    ("run", "Filter run or policy"),
    ("test", "Test"),
    ("operations", "Trouble of the portal"),
]


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0056_standard_names")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel(old_name="Pulse", new_name="Heartbeat"),
                migrations.AlterModelTable(name="heartbeat", table="syncapp_pulse"),
                migrations.RenameField(model_name="person", old_name="told_until", new_name="notified_until"),
                migrations.AlterField(
                    model_name="person",
                    name="notified_until",
                    field=models.BigIntegerField(
                        blank=True,
                        db_column="told_until",
                        help_text="The last arrival that mails were made for.",
                        null=True,
                    ),
                ),
                migrations.RenameField(model_name="alert", old_name="is_told", new_name="is_sent"),
                migrations.AlterField(
                    model_name="alert",
                    name="is_sent",
                    field=models.BooleanField(db_column="is_told", db_default=True, default=False),
                ),
                migrations.AlterField(
                    model_name="message", name="kind", field=models.CharField(choices=KINDS, max_length=12)
                ),
            ]
        )
    ]
