"""Daily counts of captured changes, and an index for the pages of one source."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0072_filters_due'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaptureContactDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('source', models.CharField(choices=[('ours', 'This portal'), ('outlook', 'Outlook synchronization'), ('form', 'Form or program that raises the revision'), ('program', 'Another program'), ('unknown', 'Unknown')], max_length=8)),
                ('contacts', models.PositiveIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'source'), name='one_contact_count_per_day')],
            },
        ),
        migrations.CreateModel(
            name='CaptureDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('source', models.CharField(choices=[('ours', 'This portal'), ('outlook', 'Outlook synchronization'), ('form', 'Form or program that raises the revision'), ('program', 'Another program'), ('unknown', 'Unknown')], max_length=8)),
                ('program_id', models.UUIDField(blank=True, null=True)),
                ('column_name', models.CharField(blank=True, max_length=128)),
                ('result', models.CharField(choices=[('restored', 'restored'), ('put_back', 'restored, then undone'), ('not_restored', 'only staged'), ('observed', 'only observed'), ('let_through', 'let through'), ('waiting', 'waiting'), ('set_aside', 'could not be staged')], max_length=12)),
                ('is_restored_by_original', models.BooleanField(db_default=False, default=False)),
                ('number', models.PositiveIntegerField()),
                ('latest_value_id', models.BigIntegerField(blank=True, help_text='The newest CaptureValue among them.', null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name='captureentry',
            index=models.Index(fields=['source', 'happened_at', 'user_id', 'action'], name='capture_entry_source'),
        ),
        migrations.AddIndex(
            model_name='captureday',
            index=models.Index(fields=['day'], name='capture_day'),
        ),
    ]
