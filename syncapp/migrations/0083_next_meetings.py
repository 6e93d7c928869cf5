"""The nearest meeting of each user whom a run holds back."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0082_bulk_decisions_area'),
    ]

    operations = [
        migrations.AddField(
            model_name='filterrunitem',
            name='next_meeting_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
