from django.db import migrations, models


def name_as_before(apps, schema_editor):
    """On the way back: the former release knows no users who are partly done."""
    apps.get_model("syncapp", "FilterRunItem").objects.filter(outcome="partly").update(outcome="failed")


class Migration(migrations.Migration):
    atomic = False  # only the rows change; new choices change nothing in the database

    dependencies = [
        ('syncapp', '0039_four_eyes_for_unidentified_editors'),
    ]

    operations = [
        migrations.AlterField(
            model_name='filterrunitem',
            name='outcome',
            field=models.CharField(blank=True, choices=[('', 'Not yet'), ('done', 'Done'), ('partly', 'Partly done'), ('already', 'Already so'), ('no_filter', 'No filter'), ('held', 'Held back'), ('disabled', 'Disabled user'), ('no_role', 'No role'), ('no_mailbox', 'No mailbox'), ('not_ready', 'Mailbox not ready'), ('denied', 'Denied'), ('changed', 'Changed meanwhile'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='', max_length=10),
        ),
        migrations.RunPython(migrations.RunPython.noop, name_as_before),
    ]
