from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("syncapp", "0037_words_of_edits"),
    ]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="unidentified_allowed",
            field=models.BooleanField(
                db_default=True,
                default=False,
                help_text="Whether a setting let anyone decide, though the CRM has no Entra id of the editor.",
            ),
        ),
        migrations.AddField(
            model_name="preferences",
            name="anyone_decides_unidentified",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether any reviewer decides edits whose editor has no Entra id in the CRM.",
            ),
        ),
        migrations.AddField(
            model_name="selection",
            name="unidentified",
            field=models.PositiveIntegerField(
                db_default=0, default=0, help_text="Left out: the CRM does not say who the editor is."
            ),
        ),
    ]
