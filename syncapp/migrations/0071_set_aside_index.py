"""Index of entries that are set aside."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0070_gaps_of_columns'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='captureentry',
            index=models.Index(condition=models.Q(('state', 'set_aside')), fields=['happened_at'], name='capture_entry_aside'),
        ),
    ]
