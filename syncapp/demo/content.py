"""The content of the demo: its people, its reset, and the example list for the risk report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection as database
from django.db import transaction

from syncapp.accounts import people
from syncapp.connection.clients import check_organization
from syncapp.crm import sandbox
from syncapp.crm.auth.sign_in import Claims
from syncapp.demo import capture
from syncapp.models import AuditEntry, Connection, FilterUser, Heartbeat, PeriodicTask, ProcessClock
from syncapp.sync_filters.inventory import user_lists

# The running processes need these tables; they hold no personal data.
KEPT_MODELS = (PeriodicTask, ProcessClock, Heartbeat)
EXAMPLE_LIST, EXAMPLE_STEP = "Riva", 7


class NotDemo(Exception):
    """This portal is not the demo: it is connected to a real CRM. Nothing was changed."""


def start_over() -> None:
    """Reset the sandbox, then empty the portal; everyone is signed out. Raises NotDemo, CrmError.

    The sandbox comes first, so that old data that is still being mirrored is deleted with the portal's rows. Running
    jobs end when they find that their rows are deleted.
    """
    if not settings.DEMO:
        raise NotDemo
    sandbox.reset(settings.CRM_ORIGIN, users=settings.DEMO_USERS)
    claims = _people_of_sandbox()
    organization_id = Connection.objects.values_list("organization_id", flat=True).first()
    with transaction.atomic():
        # Foreign keys are checked at the end of the transaction, so the order does not matter.
        models: Any = apps.get_app_config("syncapp").get_models(include_auto_created=True)
        emptied = [
            model for model in models if model not in KEPT_MODELS and model._meta.managed and not model._meta.proxy
        ]
        with database.cursor() as cursor:
            for model in [*emptied, Session]:
                table = database.ops.quote_name(model._meta.db_table)
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own tables' names
        _register(claims)
        if organization_id is not None:
            check_organization(organization_id)
    capture.set_up()


def register_people() -> None:
    """Create the people of the sandbox who hold a role, so that they get mails before their first sign-in.

    Existing people stay unchanged. Raises NotDemo, CrmError.
    """
    if not settings.DEMO:
        raise NotDemo
    _register(_people_of_sandbox())


def _people_of_sandbox() -> list[Claims]:
    return sandbox.people(settings.CRM_ORIGIN, tenant_id=UUID(settings.CRM_TENANT))


def _register(all_claims: Iterable[Claims]) -> None:
    for claims in all_claims:
        people.register(claims)


def add_example_list() -> None:
    """Add every seventh user to a list of another product, once, so that the risk report has an example."""
    if not settings.DEMO or AuditEntry.objects.filter(action__startswith="list.").exists():
        return
    people = FilterUser.objects.people().filter(is_disabled=False).exclude(address="").order_by("name_key", "pk")
    if addresses := list(people.values_list("address", flat=True))[::EXAMPLE_STEP]:
        user_lists.save(EXAMPLE_LIST, [*addresses, "left.last.year@contoso.example"], by=None)
