from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("syncapp", "0042_page_chains"),
    ]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="written_value",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="decision",
            name="is_adjusted",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether the CRM made another value of it: `written_value`.",
            ),
        ),
        migrations.AddField(
            model_name="crmcolumn",
            name="precision",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="crmcolumn",
            name="minimum",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.AddField(
            model_name="crmcolumn",
            name="maximum",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
    ]
