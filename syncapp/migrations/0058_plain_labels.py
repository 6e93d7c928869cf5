"""Labels and help texts of filter models in plain English. Nothing changes in the database."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncapp", "0057_heartbeats_and_notifications"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="filterground",
                    name="reading",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not known yet"),
                            ("direct", "With the portal’s own permission"),
                            ("acting", "As the owner"),
                            ("none", "No access works"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                migrations.AlterField(
                    model_name="filterground",
                    name="writing",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not known yet"),
                            ("direct", "With the portal’s own permission"),
                            ("acting", "As the owner"),
                            ("none", "No access works"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                migrations.AlterField(
                    model_name="filterpolicy",
                    name="compared_at",
                    field=models.DateTimeField(
                        blank=True, help_text="When at least new users were last compared.", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="filterpolicy",
                    name="exceptions",
                    field=models.JSONField(blank=True, default=list, help_text="Ids of CRM users that are skipped."),
                ),
                migrations.AlterField(
                    model_name="filterpolicy",
                    name="full_at",
                    field=models.DateTimeField(
                        blank=True, help_text="When the whole group was last compared.", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="filterpolicy",
                    name="mode",
                    field=models.CharField(
                        choices=[("shadow", "Shadow mode"), ("repair", "Repair mode"), ("removed", "Removed")],
                        default="shadow",
                        max_length=8,
                    ),
                ),
                migrations.AlterField(
                    model_name="filterpolicy",
                    name="repair_by",
                    field=models.ForeignKey(
                        blank=True,
                        help_text="The person who turned on repair; its runs are in their name.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="filterpolicy",
                    name="repairs_since",
                    field=models.DateTimeField(blank=True, help_text="When a person last turned on repair.", null=True),
                ),
                migrations.AlterField(
                    model_name="filterrun",
                    name="keeps_deletes_apart",
                    field=models.BooleanField(help_text="As read when the list was made; None: unknown.", null=True),
                ),
                migrations.AlterField(
                    model_name="filterrun",
                    name="pilot",
                    field=models.PositiveIntegerField(
                        default=0, help_text="Users to run before the run pauses. 0: no pilot."
                    ),
                ),
                migrations.AlterField(
                    model_name="filterrun",
                    name="state",
                    field=models.CharField(
                        choices=[
                            ("preparing", "Preparing"),
                            ("counting", "Counting meetings"),
                            ("planned", "Preview"),
                            ("waiting", "Waiting for a second person"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("done", "Done"),
                            ("cancelled", "Canceled"),
                        ],
                        default="preparing",
                        max_length=10,
                    ),
                ),
                migrations.AlterField(
                    model_name="filterrun",
                    name="users",
                    field=models.PositiveIntegerField(
                        db_default=0, default=0, help_text="Users in the list; before it is made, users selected."
                    ),
                ),
                migrations.AlterField(
                    model_name="filterrun",
                    name="words",
                    field=models.CharField(blank=True, help_text="The targets in words.", max_length=300),
                ),
                migrations.AlterField(
                    model_name="filterrunitem",
                    name="outcome",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not yet"),
                            ("done", "Done"),
                            ("partly", "Partly done"),
                            ("already", "Already so"),
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
                migrations.AlterField(
                    model_name="filterrunitem",
                    name="plan",
                    field=models.CharField(
                        choices=[
                            ("change", "Will change"),
                            ("already", "Already so"),
                            ("cannot", "Cannot change"),
                            ("held", "Held back"),
                        ],
                        max_length=8,
                    ),
                ),
                migrations.AlterField(
                    model_name="filteruser",
                    name="products",
                    field=models.PositiveSmallIntegerField(
                        db_default=0, default=0, help_text="Lists of other products that name the user."
                    ),
                ),
                migrations.AlterField(
                    model_name="filteruser",
                    name="tables",
                    field=models.JSONField(default=dict, help_text="Per table: filters that are on, and all filters."),
                ),
                migrations.AlterField(
                    model_name="policymember",
                    name="decided_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When a person put this policy in charge after a conflict with a run.",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="policymember",
                    name="plan",
                    field=models.CharField(
                        choices=[
                            ("change", "Will change"),
                            ("already", "Already so"),
                            ("cannot", "Cannot change"),
                            ("held", "Held back"),
                        ],
                        max_length=8,
                    ),
                ),
                migrations.AlterField(
                    model_name="runpreparation",
                    name="channel",
                    field=models.CharField(help_text="The channel of the request, as in the audit log.", max_length=20),
                ),
                migrations.AlterField(
                    model_name="runpreparation",
                    name="user_ids",
                    field=models.BinaryField(help_text="Ids of the users in order, 16 bytes each; emptied at the end."),
                ),
            ]
        )
    ]
