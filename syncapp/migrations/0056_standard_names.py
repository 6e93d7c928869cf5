"""Models and fields get the names that the code uses now. Nothing changes in the database: tables and columns stay."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

JOBS = ("delivery", "filterpolicy", "filterrunitem", "meetingcount", "message", "runpreparation", "selectionrun")
MODELS = {"Gate": ("Breaker", "gate"), "Alarm": ("Alert", "alarm"), "ReachDay": ("SyncPathsDay", "reachday")}


def a_moment(column):
    return models.DateTimeField(blank=True, db_column=column, null=True)


def a_number(column):
    return models.PositiveIntegerField(db_column=column, default=0)


FIELDS = [
    *((model, "rung_at", "dispatched_at", a_moment("rung_at")) for model in (*JOBS, "filterrun")),
    *((model, "settled_at", "finished_at", a_moment("settled_at")) for model in (*JOBS, "decision", "syncfield")),
    *((model, "fence", "fencing_token", a_number("fence")) for model in (*JOBS, "mirrorcursor")),
    ("breaker", "closed_at", "opened_at", a_moment("closed_at")),
    (
        "breaker",
        "closed_by",
        "opened_by",
        models.ForeignKey(
            db_column="closed_by_id",
            null=True,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="+",
            to=settings.AUTH_USER_MODEL,
        ),
    ),
    (
        "filterrun",
        "lever",
        "operation",
        models.CharField(
            choices=[("filters", "Filters"), ("method", "Mailbox method")],
            db_column="lever",
            db_default="filters",
            default="filters",
            max_length=8,
        ),
    ),
    (
        "filteruser",
        "reach",
        "paths",
        models.CharField(
            choices=[("twice", "Twice"), ("once", "Once"), ("none", "Not at all"), ("unknown", "Not known")],
            db_column="reach",
            default="unknown",
            max_length=8,
        ),
    ),
]
INDEXES = {
    "filterrunitem": [models.Index(fields=["run", "finished_at"], name="filter_item_settled")],
    "filteruser": [
        models.Index(fields=["paths", "name_key", "id"], name="filter_user_reach"),
        models.Index(
            condition=models.Q(("is_application", False)), fields=["unit_id", "paths", "cause"], name="filter_user_risk"
        ),
    ],
}


def state_operations():
    for old, (new, table) in MODELS.items():
        yield migrations.RenameModel(old_name=old, new_name=new)
        yield migrations.AlterModelTable(name=new.lower(), table=f"syncapp_{table}")
    for model, indexes in INDEXES.items():
        yield from (migrations.RemoveIndex(model_name=model, name=index.name) for index in indexes)
    for model, old, new, field in FIELDS:
        yield migrations.RenameField(model_name=model, old_name=old, new_name=new)
        yield migrations.AlterField(model_name=model, name=new, field=field)
    for model, indexes in INDEXES.items():
        yield from (migrations.AddIndex(model_name=model, index=index) for index in indexes)


class Migration(migrations.Migration):
    dependencies = [("syncapp", "0055_who_acted_for_owners")]

    operations = [migrations.SeparateDatabaseAndState(state_operations=list(state_operations()))]
