"""Users whom a person leaves out of a planned run."""

from django.db import migrations, models

PLANS = [
    ('change', 'Will change'),
    ('already', 'No change needed'),
    ('cannot', 'Cannot change'),
    ('held', 'Held back'),
    ('left_out', 'Left out'),
]
OUTCOMES = [
    ('', 'Not yet'),
    ('done', 'Done'),
    ('partly', 'Partly done'),
    ('already', 'No change needed'),
    ('no_filter', 'No filter'),
    ('held', 'Held back'),
    ('left_out', 'Left out'),
    ('disabled', 'Disabled user'),
    ('no_role', 'No role'),
    ('no_mailbox', 'No mailbox'),
    ('not_ready', 'Mailbox not ready'),
    ('denied', 'Denied'),
    ('changed', 'Changed in the meantime'),
    ('failed', 'Failed'),
    ('cancelled', 'Canceled'),
]


def name_as_before(apps, schema_editor):
    """On the way back: the former release knows only users who were held back, and canceled ones."""
    items = apps.get_model('syncapp', 'FilterRunItem').objects
    items.filter(plan='left_out').update(plan='held')
    items.filter(outcome='left_out').update(outcome='cancelled')
    apps.get_model('syncapp', 'PolicyMember').objects.filter(plan='left_out').update(plan='held')


class Migration(migrations.Migration):
    atomic = False  # only the rows change; new choices change nothing in the database

    dependencies = [
        ('syncapp', '0083_next_meetings'),
    ]

    operations = [
        migrations.AlterField(
            model_name='filterrunitem',
            name='plan',
            field=models.CharField(choices=PLANS, max_length=8),
        ),
        migrations.AlterField(
            model_name='filterrunitem',
            name='outcome',
            field=models.CharField(blank=True, choices=OUTCOMES, default='', max_length=10),
        ),
        migrations.AlterField(
            model_name='policymember',
            name='plan',
            field=models.CharField(choices=PLANS, max_length=8),
        ),
        migrations.RunPython(migrations.RunPython.noop, name_as_before),
    ]
