"""Questions to the person who edited in Outlook."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0075_mail_kind_of_rules'),
    ]

    operations = [
        migrations.AddField(
            model_name='comment',
            name='asks_editor',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RemoveConstraint(
            model_name='comment',
            name='a_question_asks_somebody',
        ),
        migrations.AddConstraint(
            model_name='comment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('asked__isnull', False), ('asks_editor', False), ('kind', 'question')), models.Q(('asked__isnull', True), ('asks_editor', True), ('kind', 'question')), models.Q(models.Q(('kind', 'question'), _negated=True), ('asked__isnull', True), ('asks_editor', False)), _connector='OR'), name='a_question_asks_somebody'),
        ),
        migrations.AlterField(
            model_name='message',
            name='kind',
            field=models.CharField(choices=[('new_edits', 'New edits'), ('digest', 'Digest of new edits'), ('overdue', 'Reminder'), ('outcome', 'Result of an edit'), ('question', 'Question from a colleague'), ('ask_editor', 'Question to an editor'), ('answer', 'Answer to a question'), ('run', 'Run, policy or capture rule'), ('test', 'Test'), ('operations', 'Operator alert')], max_length=12),
        ),
    ]
