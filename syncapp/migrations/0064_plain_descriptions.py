"""Descriptions, labels and help texts in plain English. Nothing changes in the database."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

JOB_STATES = [
    ("ready", "Ready"),
    ("leased", "Claimed by a worker"),
    ("sent", "Sent, no answer yet"),
    ("verify", "Response lost, to be read back"),
    ("done", "Done"),
    ("failed", "Attempts used up"),
]


FIELDS: list[tuple[str, str, models.Field]] = [
    ("auditentry", "details", models.JSONField(default=dict, help_text="Codes and numbers only, never personal data.")),
    ("auditentry", "group", models.UUIDField(help_text="Shared by all entries of one submission.", null=True)),
    (
        "breaker",
        "asked",
        models.CharField(blank=True, db_default="", default="", help_text="The request that the CRM refused, without ids.", max_length=200),
    ),
    ("capturejob", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    (
        "comment",
        "kind",
        models.CharField(choices=[("remark", "Comment"), ("question", "Question"), ("answer", "Answer")], default="remark", max_length=8),
    ),
    ("connectioncheck", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    (
        "connectioncheck",
        "version",
        models.CharField(blank=True, db_default="", default="", help_text="The version of the CRM.", max_length=40),
    ),
    (
        "dailycount",
        "measure",
        models.CharField(
            choices=[
                ("received", "Received"),
                ("approved", "Approved"),
                ("rejected", "Rejected"),
                ("conflict", "Conflicts"),
                ("failed", "Not written"),
                ("put_back", "Put back"),
                ("after_all", "Approved after all"),
                ("superseded", "Superseded"),
                ("withdrawn", "Withdrawn"),
                ("age", "Age at decision"),
                ("oldest", "Age of the oldest decided edit, in seconds"),
            ],
            max_length=10,
        ),
    ),
    ("dailycount", "part", models.CharField(choices=[("column", "Field"), ("editor", "Editor"), ("step", "Range of ages")], max_length=6)),
    (
        "decision",
        "corrected_label",
        models.CharField(
            blank=True, db_default="", default="", help_text="The name of the row that a corrected lookup points to.", max_length=400
        ),
    ),
    (
        "decision",
        "is_adjusted",
        models.BooleanField(db_default=False, default=False, help_text="Whether the CRM stored another value: `written_value`."),
    ),
    (
        "decision",
        "recognized_at",
        models.DateTimeField(blank=True, help_text="When it was recognized by the CRM's row, after a restore of our database.", null=True),
    ),
    (
        "decision",
        "state",
        models.CharField(
            choices=[
                ("open", "Due after the undo window"),
                ("bound", "In a delivery"),
                ("written", "In the CRM"),
                ("already", "Already in the CRM"),
                ("conflict", "Conflict, back for review"),
                ("failed", "Not written"),
                ("withdrawn", "The row was deleted or decided in the CRM"),
                ("undone", "Undone"),
                ("replaced", "Replaced by another decision after a failure"),
                ("lost", "Lost in a restore before it was written"),
            ],
            default="open",
            max_length=10,
        ),
    ),
    (
        "decision",
        "unidentified_allowed",
        models.BooleanField(
            db_default=True, default=False, help_text="Whether it was allowed only by the setting for editors without an Entra id."
        ),
    ),
    ("delivery", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    ("filterpolicy", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    ("filterrun", "keeps_deletes_apart", models.BooleanField(help_text="As read when the list was made; null: unknown.", null=True)),
    ("filterrunchange", "etag_after", models.CharField(blank=True, help_text="The ETag after our write.", max_length=100)),
    (
        "filterrunitem",
        "outcome",
        models.CharField(
            blank=True,
            choices=[
                ("", "Not yet"),
                ("done", "Done"),
                ("partly", "Partly done"),
                ("already", "No change needed"),
                ("no_filter", "No filter"),
                ("held", "Held back"),
                ("disabled", "Disabled user"),
                ("no_role", "No role"),
                ("no_mailbox", "No mailbox"),
                ("not_ready", "Mailbox not ready"),
                ("denied", "Denied"),
                ("changed", "Changed in the meantime"),
                ("failed", "Failed"),
                ("cancelled", "Canceled"),
            ],
            default="",
            max_length=10,
        ),
    ),
    (
        "filterrunitem",
        "plan",
        models.CharField(
            choices=[("change", "Will change"), ("already", "No change needed"), ("cannot", "Cannot change"), ("held", "Held back")],
            max_length=8,
        ),
    ),
    ("filterrunitem", "released", models.BooleanField(default=False, help_text="Whether it was held back and then ticked by hand.")),
    ("filterrunitem", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    (
        "filteruser",
        "products",
        models.PositiveSmallIntegerField(db_default=0, default=0, help_text="The number of other products' lists that name the user."),
    ),
    ("meetingcount", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    ("message", "address", models.CharField(blank=True, help_text="The address of a recipient without a portal account.", max_length=320)),
    ("message", "details", models.JSONField(default=dict, help_text="Data that the text of this kind of mail needs.")),
    (
        "message",
        "kind",
        models.CharField(
            choices=[
                ("new_edits", "New edits"),
                ("digest", "Digest of new edits"),
                ("overdue", "Reminder"),
                ("outcome", "Result of an edit"),
                ("question", "Question from a colleague"),
                ("answer", "Answer to a question"),
                ("run", "Filter run or policy"),
                ("test", "Test"),
                ("operations", "Operator alert"),
            ],
            max_length=12,
        ),
    ),
    ("message", "once", models.CharField(blank=True, help_text="A key; a second message with the same key is not queued.", max_length=200)),
    ("message", "sends", models.PositiveSmallIntegerField(default=0, help_text="The number of times it was handed to the mail service.")),
    ("message", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    (
        "mirrorcursor",
        "definitions",
        models.CharField(blank=True, db_default="", default="", help_text="The version of the definitions when last read.", max_length=100),
    ),
    ("mirrorcursor", "found_first", models.PositiveIntegerField(help_text="Edits that were waiting at the first reading.", null=True)),
    (
        "mirrorcursor",
        "pages",
        models.PositiveIntegerField(db_default=0, default=0, help_text="Pages read since the reading last began or ended."),
    ),
    ("periodictask", "number", models.PositiveBigIntegerField(db_default=0, default=0, help_text="The number of the newest round.")),
    (
        "person",
        "notified_until",
        models.BigIntegerField(
            blank=True, db_column="told_until", help_text="When the newest edit arrived that mails were queued for.", null=True
        ),
    ),
    (
        "policymember",
        "plan",
        models.CharField(
            choices=[("change", "Will change"), ("already", "No change needed"), ("cannot", "Cannot change"), ("held", "Held back")],
            max_length=8,
        ),
    ),
    (
        "preferences",
        "anyone_decides_unidentified",
        models.BooleanField(
            db_default=False, default=False, help_text="Whether any reviewer may decide edits whose editor has no Entra id in the CRM."
        ),
    ),
    (
        "preferences",
        "backlog",
        models.BooleanField(default=False, help_text="Whether mails and overdue marks wait until an administrator ends this."),
    ),
    ("preferences", "mail_values", models.BooleanField(default=True, help_text="Whether mails show values, or only their number.")),
    (
        "preferences",
        "undo_seconds",
        models.PositiveSmallIntegerField(blank=True, help_text="Null: the setting UNDO_SECONDS applies.", null=True),
    ),
    (
        "processclock",
        "role",
        models.CharField(choices=[("web", "a web server"), ("worker", "a worker"), ("beat", "the scheduler")], max_length=10),
    ),
    (
        "rule",
        "author",
        models.ForeignKey(
            help_text="The author of the current version, whose own edits the rule never decides.",
            on_delete=django.db.models.deletion.PROTECT,
            related_name="+",
            to=settings.AUTH_USER_MODEL,
        ),
    ),
    ("rule", "started_at", models.DateTimeField(blank=True, help_text="When it entered its state.", null=True)),
    (
        "rule",
        "state",
        models.CharField(
            choices=[("paused", "Paused"), ("shadow", "Shadow mode"), ("enabled", "Enabled"), ("removed", "Removed")],
            default="paused",
            max_length=8,
        ),
    ),
    ("ruletrace", "reversed_at", models.DateTimeField(blank=True, help_text="When a person reversed its decision.", null=True)),
    ("runpreparation", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    ("selection", "conflicts", models.PositiveIntegerField(default=0, help_text="Left out, because conflicts are decided one by one.")),
    ("selection", "own_edits", models.PositiveIntegerField(default=0, help_text="Left out, because another person has to decide them.")),
    ("selection", "query", models.CharField(blank=True, help_text="The query string of the list that it was made from.", max_length=1000)),
    (
        "selection",
        "unidentified",
        models.PositiveIntegerField(db_default=0, default=0, help_text="Left out, because the CRM does not say who the editor is."),
    ),
    (
        "selectionitem",
        "concerns",
        models.CharField(
            blank=True, db_default="", default="", help_text="Why it needs a closer look: codes, separated by commas.", max_length=60
        ),
    ),
    ("selectionrun", "state", models.CharField(choices=JOB_STATES, default="ready", max_length=8)),
    (
        "syncfield",
        "contact_state",
        models.CharField(blank=True, db_default="", default="", help_text="inactive or merged, as last read.", max_length=8),
    ),
    (
        "syncfield",
        "delivery",
        models.CharField(
            choices=[
                ("none", "Nothing to deliver"),
                ("waiting", "Waiting to be written"),
                ("sent", "Being written"),
                ("done", "Written"),
                ("already", "Already in the CRM"),
                ("conflict", "Conflict"),
                ("failed", "Not written"),
            ],
            default="none",
            max_length=8,
        ),
    ),
    ("syncfield", "revision", models.PositiveIntegerField(default=0, help_text="Counts our own changes; part of the decision context.")),
    ("syncfield", "ruled_at", models.DateTimeField(blank=True, help_text="When the rules checked it; null until then.", null=True)),
    (
        "syncfield",
        "unreadable",
        models.CharField(
            blank=True, db_default="", default="", help_text="The value that could not be read and is stored as empty.", max_length=300
        ),
    ),
    (
        "syncrecord",
        "company",
        models.CharField(blank=True, help_text="The name of the contact's company; null until it is read.", max_length=400, null=True),
    ),
    ("syncrecord", "parked_until", models.DateField(blank=True, help_text="The day on which the edit returns to the queue.", null=True)),
    (
        "syncrecord",
        "search_words",
        models.TextField(blank=True, help_text="Search words of all three names (models/folding.py); null until computed.", null=True),
    ),
    (
        "syncrecord",
        "unreadable",
        models.CharField(
            blank=True, db_default="", default="", help_text="The value that could not be read and is stored as empty.", max_length=300
        ),
    ),
    (
        "unreadablerow",
        "kind",
        models.CharField(
            choices=[
                ("edit", "Edit (staged record)"),
                ("field", "Changed field (staged field)"),
                ("editor", "Editor"),
                ("user", "User"),
                ("mailbox", "Mailbox"),
                ("filter", "Filter"),
                ("system", "System filter or template"),
                ("team", "Team"),
                ("unit", "Business unit"),
                ("member", "Team membership"),
                ("column", "Column definition"),
            ],
            max_length=8,
        ),
    ),
    ("unreadablerow", "owner_id", models.UUIDField(blank=True, db_index=True, help_text="The user or team that owns the row.", null=True)),
    ("unreadablerow", "row_id", models.CharField(help_text="Begins with ? where the row has no readable id.", max_length=160)),
]


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0063_captured_changes")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.AlterField(model, name, field) for model, name, field in FIELDS])
    ]
