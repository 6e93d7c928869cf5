"""Version numbers of contacts, which tell two changes of one second apart."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0068_capture_switches'),
    ]

    operations = [
        migrations.AddField(
            model_name='capturecontact',
            name='version',
            field=models.BigIntegerField(blank=True, help_text='The row’s version number.', null=True),
        ),
    ]
