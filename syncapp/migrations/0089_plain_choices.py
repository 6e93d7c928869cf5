"""Labels of choices in plain English. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncapp", "0088_plain_labels"),
    ]

    operations = [
        migrations.AlterField(
            model_name="person",
            name="notify",
            field=models.CharField(
                choices=[
                    ("at_once", "Immediately"),
                    ("hourly", "Hourly digest"),
                    ("daily", "Daily digest"),
                    ("off", "Off"),
                ],
                default="at_once",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="person",
            name="theme",
            field=models.CharField(
                choices=[("system", "Match device"), ("light", "Light"), ("dark", "Dark")],
                db_default="system",
                default="system",
                max_length=6,
            ),
        ),
        migrations.AlterField(
            model_name="rule",
            name="outcome",
            field=models.CharField(
                choices=[("approve", "Approve"), ("reject", "Reject"), ("leave", "Leave to reviewers")],
                default="leave",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="ruletrace",
            name="outcome",
            field=models.CharField(
                choices=[("approve", "Approve"), ("reject", "Reject"), ("leave", "Leave to reviewers")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="syncfield",
            name="change_kind",
            field=models.CharField(
                choices=[
                    ("format", "Format only"),
                    ("filled", "Filled in"),
                    ("cleared", "Cleared"),
                    ("other", "Changed"),
                ],
                db_default="other",
                default="other",
                max_length=8,
            ),
        ),
    ]
