"""Labels in plain English. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models

EVIDENCE = [
    ("own_user", "Written by the portal’s own user"),
    ("calling_user", "Signed; shown by the audit entry’s calling user"),
    ("delegate", "Signed; shown by the contact’s Modified By (Delegate)"),
    ("revision", "Raises the revision"),
    ("application", "Written by another application"),
    ("none", "No evidence"),
]
CAUSES = [
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
    ("method_none", "Mailbox method None"),
    ("not_set_up", "No appointment filter set up"),
    ("filters_off", "Appointment filters off"),
    ("not_approved", "Mailbox not approved or not enabled"),
    ("unread", "Not read yet"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("syncapp", "0087_plain_help_texts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="capture",
            name="signature_evidence",
            field=models.CharField(
                blank=True,
                choices=EVIDENCE,
                db_default="",
                default="",
                help_text="The evidence of the signature that the check saw.",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="capturecontact",
            name="signed_by",
            field=models.UUIDField(blank=True, help_text="Modified By (Delegate).", null=True),
        ),
        migrations.AlterField(
            model_name="captureentry",
            name="evidence",
            field=models.CharField(choices=EVIDENCE, db_default="none", default="none", max_length=12),
        ),
        migrations.AlterField(
            model_name="filteruser",
            name="cause",
            field=models.CharField(choices=CAUSES, db_default="unread", default="unread", max_length=16),
        ),
    ]
