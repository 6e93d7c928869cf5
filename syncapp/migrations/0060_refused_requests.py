"""What was asked when the CRM refused an operation, stored with the breaker that it opened."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0059_daily_operations")]

    operations = [
        migrations.AddField(
            model_name="breaker",
            name="asked",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What the CRM refused, without keys.",
                max_length=200,
            ),
        ),
    ]
