from django.db import migrations

from ._change_kinds import FORMAT, OTHER, kind_of

CHUNK = 1000


def judge_again(apps, schema_editor):
    """Fields that wait as "format only", by which rules approve: some lose an accent or a sign that is dialed."""
    fields = apps.get_model("syncapp", "SyncField").objects
    waiting = fields.filter(decision="pending", change_kind=FORMAT).order_by("pk")
    last = None
    while True:
        rows = waiting if last is None else waiting.filter(pk__gt=last)
        page = list(rows.values_list("pk", "column_name", "original_value", "proposed_value")[:CHUNK])
        if not page:
            return
        last = page[-1][0]
        changed = [pk for pk, *change in page if kind_of(*change) != FORMAT]
        fields.filter(pk__in=changed, change_kind=FORMAT).update(change_kind=OTHER)


class Migration(migrations.Migration):
    atomic = False  # one chunk per transaction: reviewers never wait for all of them

    dependencies = [
        ("syncapp", "0028_concerns_of_selected_fields"),
    ]

    operations = [
        migrations.RunPython(judge_again, migrations.RunPython.noop),
    ]
