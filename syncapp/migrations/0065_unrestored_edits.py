"""What staged each edit, and whether the originals were put back."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0064_plain_descriptions'),
    ]

    operations = [
        migrations.AddField(
            model_name='syncrecord',
            name='is_restored',
            field=models.BooleanField(db_default=True, default=True, help_text='Whether the originals were put back; the CRM\'s word of it.'),
        ),
        migrations.AddField(
            model_name='syncrecord',
            name='source',
            field=models.CharField(blank=True, db_default='', default='', help_text='What staged it: plug-in, audit.', max_length=100),
        ),
    ]
