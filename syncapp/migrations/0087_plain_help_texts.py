"""Help texts in plain English. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncapp", "0086_put_back_area"),
    ]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="is_part",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether the activity page shows this entry within the row of its group.",
            ),
        ),
        migrations.AlterField(
            model_name="capture",
            name="audited_since",
            field=models.JSONField(
                default=dict, help_text="The time since which each tracked column is known to be audited."
            ),
        ),
        migrations.AlterField(
            model_name="capture",
            name="days_kept",
            field=models.IntegerField(
                blank=True, help_text="Days for which the CRM keeps audit entries; -1: forever.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="capture",
            name="listing_since",
            field=models.DateTimeField(
                blank=True, help_text="The time from which the current listing reads.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="capture",
            name="max_restores",
            field=models.PositiveIntegerField(
                db_column="most_restores",
                db_default=50,
                default=50,
                help_text="The most values of one source that are restored in 10 minutes.",
            ),
        ),
        migrations.AlterField(
            model_name="capture",
            name="next_link",
            field=models.TextField(
                blank=True, db_default="", default="", help_text="The next page of the current listing."
            ),
        ),
        migrations.AlterField(
            model_name="captureday",
            name="latest_value_id",
            field=models.BigIntegerField(blank=True, help_text="The newest CaptureValue that is counted.", null=True),
        ),
        migrations.AlterField(
            model_name="captureentry",
            name="action",
            field=models.SmallIntegerField(help_text="A value of crm.audits.records.Action."),
        ),
        migrations.AlterField(
            model_name="captureidentity",
            name="is_confirmed",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether it signed an edit that an administrator made as a test.",
            ),
        ),
        migrations.AlterField(
            model_name="captureidentity",
            name="seen_at",
            field=models.DateTimeField(blank=True, help_text="When this identity last signed a change.", null=True),
        ),
        migrations.AlterField(
            model_name="capturesource",
            name="pilot_team_id",
            field=models.UUIDField(
                blank=True, help_text="Only its members' edits are staged; empty: everyone's.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="recognized_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When it was recognized from the staging row, after our database was restored.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="recognized_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Who decided, according to the staging row.",
                max_length=400,
            ),
        ),
        migrations.AlterField(
            model_name="filterrun",
            name="keeps_deletes_apart",
            field=models.BooleanField(help_text="As read when the list was prepared; null: unknown.", null=True),
        ),
        migrations.AlterField(
            model_name="filterrun",
            name="users",
            field=models.PositiveIntegerField(
                db_default=0, default=0, help_text="Users in the list, or users selected until the list is prepared."
            ),
        ),
        migrations.AlterField(
            model_name="filterrun",
            name="words",
            field=models.CharField(blank=True, help_text="A description of the targets.", max_length=300),
        ),
        migrations.AlterField(
            model_name="filterrunitem",
            name="released",
            field=models.BooleanField(
                default=False, help_text="Whether the user was held back and then ticked by hand."
            ),
        ),
        migrations.AlterField(
            model_name="filteruser",
            name="search_words",
            field=models.TextField(
                blank=True,
                help_text="Search words of the name, the address and the login (models/folding.py).",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="sends",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="How often the message was handed to the mail service."
            ),
        ),
        migrations.AlterField(
            model_name="person",
            name="notified_until",
            field=models.BigIntegerField(
                blank=True,
                db_column="told_until",
                help_text="When the newest edit for which mails were queued arrived.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="putbackitem",
            name="why",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="A code: why the value is left as it is.",
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="restore",
            name="happened_at",
            field=models.DateTimeField(help_text="When the value was saved in the CRM."),
        ),
        migrations.AlterField(
            model_name="rule",
            name="started_at",
            field=models.DateTimeField(blank=True, help_text="When it entered its current state.", null=True),
        ),
        migrations.AlterField(
            model_name="ruletrace",
            name="refused",
            field=models.CharField(blank=True, help_text="Why the rule did not decide the field.", max_length=40),
        ),
        migrations.AlterField(
            model_name="selection",
            name="conflicts",
            field=models.PositiveIntegerField(
                default=0, help_text="Conflicts left out, because they are decided one by one."
            ),
        ),
        migrations.AlterField(
            model_name="selection",
            name="is_cut",
            field=models.BooleanField(
                default=False, help_text="Whether more edits matched than one selection can hold."
            ),
        ),
        migrations.AlterField(
            model_name="selection",
            name="own_edits",
            field=models.PositiveIntegerField(
                default=0, help_text="Edits left out, because another person has to decide them."
            ),
        ),
        migrations.AlterField(
            model_name="selection",
            name="query",
            field=models.CharField(
                blank=True, help_text="The query string of the list that the items come from.", max_length=1000
            ),
        ),
        migrations.AlterField(
            model_name="selection",
            name="unidentified",
            field=models.PositiveIntegerField(
                db_default=0, default=0, help_text="Edits left out, because the CRM does not say who the editor is."
            ),
        ),
        migrations.AlterField(
            model_name="syncfield",
            name="revision",
            field=models.PositiveIntegerField(
                default=0, help_text="The number of our own changes; part of the decision context."
            ),
        ),
        migrations.AlterField(
            model_name="syncrecord",
            name="is_restored",
            field=models.BooleanField(
                db_default=True, default=True, help_text="Whether the originals were restored, according to the CRM."
            ),
        ),
        migrations.AlterField(
            model_name="unreadablerow",
            name="row_id",
            field=models.CharField(help_text="Begins with ? if the row has no readable id.", max_length=160),
        ),
    ]
