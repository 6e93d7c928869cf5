"""On the way back, questions to editors become comments, because the release before knows colleagues alone."""

from django.db import migrations


def make_comments(apps, schema_editor):
    questions = apps.get_model("syncapp", "Comment").objects.filter(asks_editor=True)
    questions.update(kind="remark", asks_editor=False)


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0076_questions_to_editors'),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, make_comments),
    ]
