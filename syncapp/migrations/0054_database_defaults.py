"""Let releases that do not know these columns insert rows: the database fills them in."""

from django.db import migrations, models

from ._steps import Step


class Migration(migrations.Migration):
    atomic = False  # a table each: no transaction waits for one table while it locks another

    dependencies = [
        ('syncapp', '0053_lost_decisions'),
    ]

    operations = [
        Step([
            migrations.AlterField(
                model_name='auditentry',
                name='area',
                field=models.CharField(blank=True, choices=[('decision', 'Decisions'), ('delivery', 'Written to CRM'), ('mirror', 'From CRM'), ('filter', 'Filters'), ('team', 'Team and mails'), ('setting', 'Settings'), ('sign_in', 'Sign-ins')], db_default='', default='', max_length=10),
            ),
            migrations.AlterField(
                model_name='auditentry',
                name='column_name',
                field=models.CharField(blank=True, db_default='', default='', max_length=128),
            ),
        ]),
        Step([
            migrations.AlterField(
                model_name='decision',
                name='corrected_label',
                field=models.CharField(blank=True, db_default='', default='', help_text='What a corrected lookup points to, by name.', max_length=400),
            ),
        ]),
        Step([
            migrations.AlterField(
                model_name='filterrun',
                name='lever',
                field=models.CharField(choices=[('filters', 'Filters'), ('method', 'Mailbox method')], db_default='filters', default='filters', max_length=8),
            ),
            migrations.AlterField(
                model_name='filterrun',
                name='users',
                field=models.PositiveIntegerField(db_default=0, default=0, help_text='How many the frozen list has; before that: were chosen.'),
            ),
        ]),
        Step([
            migrations.AlterField(
                model_name='filterrunitem',
                name='mailbox_etag',
                field=models.CharField(blank=True, db_default='', default='', max_length=100),
            ),
            migrations.AlterField(
                model_name='filterrunitem',
                name='mailbox_etag_after',
                field=models.CharField(blank=True, db_default='', default='', max_length=100),
            ),
            migrations.AlterField(
                model_name='filterrunitem',
                name='mailbox_written',
                field=models.BooleanField(db_default=False, default=False),
            ),
        ]),
        Step([
            migrations.AlterField(
                model_name='filteruser',
                name='cause',
                field=models.CharField(choices=[('server_product', 'Server-side synchronization, and another product'), ('client_product', 'Outlook add-in with filters on, and another product'), ('server_client', 'Server-side synchronization, and the old Outlook add-in'), ('products', 'Two other products'), ('server', 'Server-side synchronization'), ('client', 'Outlook add-in'), ('product', 'Another product only'), ('disabled', 'Disabled user'), ('no_role', 'No role in the CRM'), ('no_mailbox', 'No mailbox in the CRM'), ('mailbox_off', 'Mailbox deactivated'), ('method_none', 'Mailbox method None'), ('not_set_up', 'No appointment filter set up'), ('filters_off', 'Appointment filters off'), ('not_approved', 'Mailbox not approved or not enabled'), ('unread', 'Not read yet')], db_default='unread', default='unread', max_length=16),
            ),
            migrations.AlterField(
                model_name='filteruser',
                name='products',
                field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='How many lists of other products name them.'),
            ),
        ]),
        Step([
            migrations.AlterField(
                model_name='mirrorcursor',
                name='definitions',
                field=models.CharField(blank=True, db_default='', default='', help_text='Their version when last read.', max_length=100),
            ),
        ]),
        Step([
            migrations.AlterField(
                model_name='syncfield',
                name='change_kind',
                field=models.CharField(choices=[('format', 'Format only'), ('filled', 'Filled'), ('cleared', 'Cleared'), ('other', 'Changed')], db_default='other', default='other', max_length=8),
            ),
        ]),
    ]
