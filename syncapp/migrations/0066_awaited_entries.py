"""Which audit entries are waited for, and which of them cannot be read."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0065_unrestored_edits'),
    ]

    operations = [
        migrations.AddField(
            model_name='capture',
            name='deep_listed_at',
            field=models.DateTimeField(blank=True, help_text='When entries of a whole day were last listed again.', null=True),
        ),
        migrations.AddField(
            model_name='capturecontact',
            name='awaited_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='capturegap',
            name='reason',
            field=models.CharField(choices=[('auditing_off', 'Auditing was off'), ('deleted', 'The CRM had deleted the entries before they were read'), ('downtime', 'The portal did not read; edits of that time were not restored')], max_length=14),
        ),
        migrations.AlterField(
            model_name='unreadablerow',
            name='kind',
            field=models.CharField(choices=[('edit', 'Edit (staged record)'), ('field', 'Changed field (staged field)'), ('editor', 'Editor'), ('user', 'User'), ('mailbox', 'Mailbox'), ('filter', 'Filter'), ('system', 'System filter or template'), ('team', 'Team'), ('unit', 'Business unit'), ('member', 'Team membership'), ('column', 'Column definition'), ('entry', 'Audit entry of a contact')], max_length=8),
        ),
        migrations.AddIndex(
            model_name='capturecontact',
            index=models.Index(condition=models.Q(('awaited_until__isnull', False)), fields=['awaited_until'], name='capture_contact_awaited'),
        ),
        migrations.AddIndex(
            model_name='captureentry',
            index=models.Index(fields=['read_at'], name='capture_entry_read'),
        ),
    ]
