"""Labels of the synchronization method. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncapp", "0089_plain_choices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="filterrun",
            name="operation",
            field=models.CharField(
                choices=[("filters", "Filters"), ("method", "Synchronization method")],
                db_column="lever",
                db_default="filters",
                default="filters",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="filteruser",
            name="cause",
            field=models.CharField(
                choices=[
                    ("server_product", "Server-side synchronization, and another product"),
                    ("client_product", "Outlook add-in with filters on, and another product"),
                    ("server_client", "Server-side synchronization, and the Outlook add-in"),
                    ("products", "Two other products"),
                    ("server", "Server-side synchronization"),
                    ("client", "Outlook add-in"),
                    ("product", "Another product only"),
                    ("disabled", "Disabled user"),
                    ("no_role", "No role in the CRM"),
                    ("no_mailbox", "No mailbox in the CRM"),
                    ("mailbox_off", "Mailbox deactivated"),
                    ("method_none", "Synchronization method None"),
                    ("not_set_up", "No appointment filter set up"),
                    ("filters_off", "Appointment filters off"),
                    ("not_approved", "Mailbox not approved or not enabled"),
                    ("unread", "Not read yet"),
                ],
                db_default="unread",
                default="unread",
                max_length=16,
            ),
        ),
    ]
