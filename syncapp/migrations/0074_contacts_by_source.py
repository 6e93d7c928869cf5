"""Daily counts of changed contacts by source; they are counted again within an hour."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0073_capture_days'),
    ]

    operations = [
        migrations.DeleteModel(name='CaptureContactDay'),
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
    ]
