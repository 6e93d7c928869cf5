"""Rejected values that Outlook sends again, and proposals that another program wrote."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0066_awaited_entries'),
    ]

    operations = [
        migrations.AddField(
            model_name='syncfield',
            name='echoed_at',
            field=models.DateTimeField(blank=True, help_text='When another program wrote the proposed value while it was undecided.', null=True),
        ),
        migrations.AddField(
            model_name='syncfield',
            name='repeated_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='syncfield',
            name='repeats',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='How often Outlook sent this value again after it was rejected.'),
        ),
    ]
