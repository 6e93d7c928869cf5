"""Columns that a gap of the audit log concerns."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0069_contact_versions'),
    ]

    operations = [
        migrations.AddField(
            model_name='capturegap',
            name='columns',
            field=models.JSONField(blank=True, help_text='The columns concerned; empty: all.', null=True),
        ),
    ]
