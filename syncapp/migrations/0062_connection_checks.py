"""Connection checks: requested on a page, made by a worker, and their results."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0061_filter_access'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConnectionCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('ready', 'Ready'), ('leased', 'Taken by a worker'), ('sent', 'Sent, no answer yet'), ('verify', 'Answer lost, to be read back'), ('done', 'Done'), ('failed', 'Attempts used up')], default='ready', max_length=8)),
                ('due_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('fencing_token', models.PositiveIntegerField(db_column='fence', default=0)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('outcome_unknown', models.BooleanField(default=False)),
                ('dispatched_at', models.DateTimeField(blank=True, db_column='rung_at', null=True)),
                ('last_error', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(blank=True, db_column='settled_at', null=True)),
                ('slot', models.PositiveSmallIntegerField(db_default=1, default=1)),
                ('probes_writes', models.BooleanField(db_default=False, default=False)),
                ('contact_id', models.UUIDField(blank=True, help_text='A test contact for the writing probes.', null=True)),
                ('total', models.PositiveIntegerField(db_default=0, default=0)),
                ('findings', models.JSONField(default=list)),
                ('values', models.JSONField(default=dict, help_text='What has to match the registration and the CRM.')),
                ('version', models.CharField(blank=True, db_default='', default='', help_text='Of the CRM.', max_length=40)),
                ('seconds', models.FloatField(db_default=0, default=0)),
                ('requests', models.PositiveIntegerField(db_default=0, default=0)),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['state', 'due_at'], name='connection_check_due'), models.Index(condition=models.Q(('lease_until__isnull', False)), fields=['lease_until'], name='connection_check_lease')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state__in', ['leased', 'sent'])), models.Q(models.Q(('state__in', ['leased', 'sent']), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='connection_check_lease_if_held'), models.UniqueConstraint(condition=models.Q(('state__in', ['ready', 'leased', 'sent', 'verify'])), fields=('slot',), name='one_open_connection_check')],
            },
        ),
    ]
