from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("syncapp", "0045_fold_names_of_users"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncfield",
            name="contact_state",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="inactive or merged, as was read last.",
                max_length=8,
            ),
        ),
    ]
