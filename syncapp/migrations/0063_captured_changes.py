"""Contact changes read from the CRM's audit log, and what capture does about them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0062_connection_checks'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaptureColumn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(choices=[('ours', 'This portal'), ('outlook', 'Outlook synchronization'), ('form', 'Form or program that raises the revision'), ('program', 'Another program'), ('unknown', 'Unknown')], max_length=8)),
                ('column_name', models.CharField(max_length=128)),
                ('handling', models.CharField(choices=[('review', 'Review'), ('let_through', 'Let through')], db_default='review', default='review', max_length=12)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('source', 'column_name'), name='one_handling_per_column')],
            },
        ),
        migrations.CreateModel(
            name='CaptureContact',
            fields=[
                ('contact_id', models.UUIDField(primary_key=True, serialize=False)),
                ('modified_on', models.DateTimeField()),
                ('created_on', models.DateTimeField(blank=True, null=True)),
                ('modified_by', models.UUIDField(blank=True, null=True)),
                ('signed_by', models.UUIDField(blank=True, help_text='Modified By (delegate).', null=True)),
                ('noticed_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['noticed_at'], name='capture_contact_noticed')],
            },
        ),
        migrations.CreateModel(
            name='CaptureEntry',
            fields=[
                ('audit_id', models.UUIDField(primary_key=True, serialize=False)),
                ('contact_id', models.UUIDField()),
                ('action', models.SmallIntegerField(help_text='As in crm.audits.records.Action.')),
                ('happened_at', models.DateTimeField()),
                ('user_id', models.UUIDField(blank=True, null=True)),
                ('calling_user_id', models.UUIDField(blank=True, null=True)),
                ('transaction_id', models.UUIDField(blank=True, null=True)),
                ('source', models.CharField(choices=[('ours', 'This portal'), ('outlook', 'Outlook synchronization'), ('form', 'Form or program that raises the revision'), ('program', 'Another program'), ('unknown', 'Unknown')], db_default='unknown', default='unknown', max_length=8)),
                ('evidence', models.CharField(choices=[('own_user', 'Written by the portal’s own user'), ('calling_user', 'Signed: the calling user of the entry'), ('delegate', 'Signed: the contact’s Modified By (delegate)'), ('revision', 'Raises the revision'), ('application', 'Written by another application'), ('none', 'No evidence')], db_default='none', default='none', max_length=12)),
                ('lacks_revision', models.BooleanField(db_default=False, default=False)),
                ('state', models.CharField(choices=[('new', 'Values not read yet'), ('read', 'Waiting for its turn'), ('staged', 'Staged for review'), ('observed', 'Only observed'), ('let_through', 'Let through'), ('baseline_end', 'Begins a new baseline'), ('set_aside', 'Could not be read')], db_default='new', default='new', max_length=12)),
                ('reason', models.CharField(blank=True, db_default='', default='', help_text='A code: why it is in this state.', max_length=40)),
                ('problem', models.CharField(blank=True, db_default='', default='', help_text='Why it could not be read.', max_length=300)),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Reads of its values that failed.')),
                ('read_at', models.DateTimeField(help_text='When the portal first saw it.')),
                ('delay', models.FloatField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['contact_id', 'happened_at'], name='capture_entry_contact'), models.Index(fields=['happened_at', 'source', 'state'], name='capture_entry_when'), models.Index(condition=models.Q(('state__in', ['new', 'read'])), fields=['state', 'happened_at'], name='capture_entry_open')],
            },
        ),
        migrations.CreateModel(
            name='CaptureGap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('auditing_off', 'Auditing was off'), ('deleted', 'The CRM had deleted the entries before they were read'), ('downtime', 'The portal did not read; edits of that time were not restored'), ('missing', 'Contacts changed, but entries never appeared')], max_length=14)),
                ('begins_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('noticed_at', models.DateTimeField(auto_now_add=True)),
                ('detail', models.CharField(blank=True, db_default='', default='', help_text='Such as the columns concerned.', max_length=300)),
            ],
            options={
                'indexes': [models.Index(fields=['ends_at'], name='capture_gap_end')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ends_at__isnull', True)), fields=('reason',), name='one_open_capture_gap_per_reason')],
            },
        ),
        migrations.CreateModel(
            name='CaptureIdentity',
            fields=[
                ('user_id', models.UUIDField(help_text='systemuserid', primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('sync', 'Signs what Outlook saves'), ('program', 'A program, never Outlook')], db_default='sync', default='sync', max_length=8)),
                ('application_id', models.UUIDField(blank=True, null=True)),
                ('name', models.CharField(blank=True, db_default='', default='', max_length=400)),
                ('found_at', models.DateTimeField(auto_now_add=True)),
                ('seen_at', models.DateTimeField(blank=True, help_text='When it last signed a change.', null=True)),
                ('is_confirmed', models.BooleanField(db_default=False, default=False, help_text='Seen on an edit that an administrator just made.')),
                ('added_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'capture identities',
            },
        ),
        migrations.CreateModel(
            name='CaptureJob',
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
                ('contact_id', models.UUIDField()),
            ],
            options={
                'indexes': [models.Index(fields=['state', 'due_at'], name='capture_job_due'), models.Index(condition=models.Q(('lease_until__isnull', False)), fields=['lease_until'], name='capture_job_lease')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state__in', ['leased', 'sent'])), models.Q(models.Q(('state__in', ['leased', 'sent']), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='capture_job_lease_if_held'), models.UniqueConstraint(condition=models.Q(('state__in', ['ready', 'leased', 'sent', 'verify'])), fields=('contact_id',), name='one_open_capture_job_per_contact')],
            },
        ),
        migrations.CreateModel(
            name='CaptureSource',
            fields=[
                ('source', models.CharField(help_text='One of Source.', max_length=20, primary_key=True, serialize=False)),
                ('is_on', models.BooleanField(db_default=False, default=False)),
                ('since', models.DateTimeField(blank=True, null=True)),
                ('pilot_team_id', models.UUIDField(blank=True, help_text='Only edits of its members; empty: of everyone.', null=True)),
                ('confirmed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('switched_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Restore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('contact_id', models.UUIDField()),
                ('column_name', models.CharField(max_length=128)),
                ('audit_id', models.UUIDField(db_index=True)),
                ('source', models.CharField(choices=[('ours', 'This portal'), ('outlook', 'Outlook synchronization'), ('form', 'Form or program that raises the revision'), ('program', 'Another program'), ('unknown', 'Unknown')], max_length=8)),
                ('value_found', models.TextField(blank=True, null=True)),
                ('value_restored', models.TextField(blank=True, null=True)),
                ('result', models.CharField(choices=[('restored', 'Restored'), ('not_restored', 'Not restored'), ('put_back', 'Restored, then undone')], max_length=12)),
                ('reason', models.CharField(blank=True, db_default='', default='', help_text='A code: why it was not restored.', max_length=40)),
                ('trouble', models.CharField(blank=True, db_default='', default='', help_text='What the CRM answered.', max_length=300)),
                ('happened_at', models.DateTimeField(help_text='When the value came into the CRM.')),
                ('done_at', models.DateTimeField()),
                ('live_seconds', models.FloatField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['done_at', 'source', 'result'], name='restore_when'), models.Index(fields=['contact_id', 'column_name', 'done_at'], name='restore_column')],
                'constraints': [models.UniqueConstraint(fields=('audit_id', 'column_name'), name='one_restore_per_column_of_an_entry')],
            },
        ),
        migrations.CreateModel(
            name='Capture',
            fields=[
                ('slot', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('off', 'Off'), ('observing', 'Observing'), ('staging', 'Staging, not restoring'), ('restoring', 'Restoring'), ('paused', 'Paused')], db_default='off', default='off', max_length=10)),
                ('mode_since', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, db_default='', default='', help_text='A code: why it is paused.', max_length=40)),
                ('trouble', models.CharField(blank=True, db_default='', default='', help_text='Why it is paused, with figures.', max_length=300)),
                ('rule', models.CharField(choices=[('signed', 'Signed by the synchronization'), ('original', 'Does not raise the revision')], db_default='signed', default='signed', max_length=8)),
                ('observing_since', models.DateTimeField(blank=True, null=True)),
                ('signature_seen_at', models.DateTimeField(blank=True, help_text="When a check saw the signature on an administrator's own edit.", null=True)),
                ('most_restores', models.PositiveIntegerField(db_default=50, default=50, help_text='Of one source in 10 minutes.')),
                ('read_until', models.DateTimeField(blank=True, help_text='The newest entry of the last complete listing.', null=True)),
                ('listed_at', models.DateTimeField(blank=True, help_text='When the last complete listing began.', null=True)),
                ('listing_since', models.DateTimeField(blank=True, help_text='From when the listing under way reads.', null=True)),
                ('listing_began_at', models.DateTimeField(blank=True, null=True)),
                ('next_link', models.TextField(blank=True, db_default='', default='', help_text='The next page of the listing under way.')),
                ('has_change_data', models.BooleanField(help_text='Whether lists can name the changed columns; empty: not tried.', null=True)),
                ('median_delay', models.FloatField(blank=True, help_text='Seconds until an entry can be read.', null=True)),
                ('worst_delay', models.FloatField(blank=True, null=True)),
                ('audited_since', models.JSONField(default=dict, help_text='Since when each tracked column is known to be audited.')),
                ('unreadable_columns', models.JSONField(default=list, help_text='Tracked columns whose values may be hidden from us.')),
                ('switches_read_at', models.DateTimeField(blank=True, null=True)),
                ('days_kept', models.IntegerField(blank=True, help_text='Of audit entries; -1: for ever.', null=True)),
                ('mode_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('slot', 1)), name='only_one_capture')],
            },
        ),
        migrations.CreateModel(
            name='CaptureValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('column_name', models.CharField(max_length=128)),
                ('old_value', models.TextField(blank=True, null=True)),
                ('new_value', models.TextField(blank=True, null=True)),
                ('old_label', models.TextField(blank=True, db_default='', default='')),
                ('new_label', models.TextField(blank=True, db_default='', default='')),
                ('old_known', models.BooleanField(db_default=False, default=False)),
                ('new_known', models.BooleanField(db_default=False, default=False)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='values', to='syncapp.captureentry')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('entry', 'column_name'), name='one_capture_value_per_column'), models.CheckConstraint(condition=models.Q(models.Q(('old_known', True), ('old_value__isnull', True), _connector='OR'), models.Q(('new_known', True), ('new_value__isnull', True), _connector='OR')), name='unknown_capture_values_are_empty')],
            },
        ),
    ]
