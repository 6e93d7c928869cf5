from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("syncapp", "0027_definitions_version"),
    ]

    operations = [
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
    ]
