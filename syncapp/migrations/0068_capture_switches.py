"""Who asked for the original rule of capture and who confirmed it, and since when a column is handled as it is."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0067_repeated_edits'),
    ]

    operations = [
        # Only the name in Python changes; the column stays as it is.
        migrations.AlterField(
            model_name='capture',
            name='most_restores',
            field=models.PositiveIntegerField(db_column='most_restores', db_default=50, default=50, help_text='Of one source in 10 minutes.'),
        ),
        migrations.RenameField(
            model_name='capture',
            old_name='most_restores',
            new_name='max_restores',
        ),
        migrations.AddField(
            model_name='capture',
            name='rule_asked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='capture',
            name='rule_asked_by',
            field=models.ForeignKey(blank=True, help_text='Who asked for the original rule; empty with the signed rule, unless it waits for a second person.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='capture',
            name='rule_confirmed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='capturecolumn',
            name='since',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='capture',
            constraint=models.CheckConstraint(condition=models.Q(('rule_confirmed_by', models.F('rule_asked_by')), _negated=True), name='original_rule_needs_two_people'),
        ),
    ]
