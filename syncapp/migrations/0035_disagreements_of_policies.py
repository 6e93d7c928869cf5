"""Times at which a person let a policy repair, and put it in charge of a user."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0034_read_definitions_again")]
    operations = [
        migrations.AddField(
            model_name="filterpolicy",
            name="repairs_since",
            field=models.DateTimeField(blank=True, help_text="When a person last let it repair.", null=True),
        ),
        migrations.AddField(
            model_name="policymember",
            name="decided_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When a person gave this policy the word where a run disagreed with it.",
                null=True,
            ),
        ),
    ]
