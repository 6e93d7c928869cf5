"""On the way back, questions to editors become comments, because the release before knows colleagues alone."""

from django.db import migrations


OPEN = ["ready", "leased", "sent", "verify"]
NOT_SENT = "Not sent: the release before knows no questions to editors."


def make_comments(apps, schema_editor):
    questions = apps.get_model("syncapp", "Comment").objects.filter(asks_editor=True)
    questions.update(kind="remark", asks_editor=False)
    mails = apps.get_model("syncapp", "Message").objects.filter(kind="ask_editor")
    mails.filter(state__in=OPEN).update(state="failed", lease_until=None, failure=NOT_SENT)
    mails.update(kind="question")


class Migration(migrations.Migration):

    dependencies = [
        ('syncapp', '0076_questions_to_editors'),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, make_comments),
    ]
