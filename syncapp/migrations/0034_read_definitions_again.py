"""Have the next reading of edits read the columns' definitions again, whose behavior of dates was not kept before."""

from datetime import UTC, datetime

from django.db import migrations


def expire(apps, schema_editor):
    apps.get_model("syncapp", "CrmColumn").objects.update(read_at=datetime(1970, 1, 1, tzinfo=UTC))


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0033_date_behaviors'),
    ]

    operations = [
        migrations.RunPython(expire, migrations.RunPython.noop),
    ]
