# The database has the default, because the previous release stores people without a theme.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0078_filter_views'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='theme',
            field=models.CharField(choices=[('system', 'As your device'), ('light', 'Light'), ('dark', 'Dark')], db_default='system', default='system', max_length=6),
        ),
    ]
