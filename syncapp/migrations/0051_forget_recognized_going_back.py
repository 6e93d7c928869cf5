from django.db import migrations


def forget(apps, schema_editor):
    """Remove decisions that the release before cannot hold; their fields stay decided, and the CRM keeps the rows."""
    apps.get_model("syncapp", "Decision").objects.filter(recognized_at__isnull=False).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("syncapp", "0050_recognized_decisions"),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, forget),
    ]
