"""Let an alarm be noticed before it is told, so that what is over soon is never told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncapp", "0047_process_clocks"),
    ]

    operations = [
        migrations.AddField(
            model_name="alarm",
            name="is_told",
            field=models.BooleanField(db_default=True, default=False),
        ),
        migrations.AddField(
            model_name="alarm",
            name="first_seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="alarm",
            name="seen_at",
            field=models.DateTimeField(null=True),
        ),
    ]
