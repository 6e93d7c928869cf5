"""A model gets the name that the code uses now. Nothing changes in the database: the table stays."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0060_refused_requests")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel(old_name="FilterGround", new_name="FilterAccess"),
                migrations.AlterModelTable(name="filteraccess", table="syncapp_filterground"),
            ]
        )
    ]
