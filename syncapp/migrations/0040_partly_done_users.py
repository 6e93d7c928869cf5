
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0039_four_eyes_for_unidentified_editors'),
    ]

    operations = [
        migrations.AlterField(
            model_name='filterrunitem',
            name='outcome',
            field=models.CharField(blank=True, choices=[('', 'Not yet'), ('done', 'Done'), ('partly', 'Partly done'), ('already', 'Already so'), ('no_filter', 'No filter'), ('held', 'Held back'), ('disabled', 'Disabled user'), ('no_role', 'No role'), ('no_mailbox', 'No mailbox'), ('not_ready', 'Mailbox not ready'), ('denied', 'Denied'), ('changed', 'Changed meanwhile'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='', max_length=10),
        ),
    ]
