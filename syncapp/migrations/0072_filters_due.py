"""Users whose filters are read by the next reading for new users."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0071_set_aside_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='filteruser',
            name='filters_due',
            field=models.BooleanField(db_default=False, default=False, help_text='New or changed since their filters were read.'),
        ),
    ]
