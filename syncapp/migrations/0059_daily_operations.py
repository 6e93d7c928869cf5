"""The operations that the CRM was asked for, by day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0058_plain_labels")]

    operations = [
        migrations.CreateModel(
            name="DailyOperations",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField(db_default=0, default=0)),
            ],
        )
    ]
