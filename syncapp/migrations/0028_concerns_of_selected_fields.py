from django.db import migrations, models

from ._steps import Step


def name_as_before(apps, schema_editor):
    """On the way back: the former release knows no fields that were left out, but ones that were not decided."""
    apps.get_model("syncapp", "SelectionItem").objects.filter(result="omitted").update(result="refused")


class Migration(migrations.Migration):
    atomic = False  # the way back changes rows before it changes their table

    dependencies = [
        ("syncapp", "0027_definitions_version"),
    ]

    operations = [
        Step(
            [
                migrations.AddField(
                    model_name="selectionitem",
                    name="concerns",
                    field=models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Why to look at it by itself, as codes with commas.",
                        max_length=60,
                    ),
                ),
                migrations.AlterField(
                    model_name="selectionitem",
                    name="result",
                    field=models.CharField(
                        choices=[
                            ("open", "Not decided yet"),
                            ("taken", "Decided"),
                            ("refused", "Not decided"),
                            ("omitted", "Left out: changed in the CRM"),
                        ],
                        default="open",
                        max_length=7,
                    ),
                ),
            ],
            proof=("selectionitem", "concerns"),
        ),
        migrations.RunPython(migrations.RunPython.noop, name_as_before),
    ]
