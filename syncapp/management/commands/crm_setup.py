"""`manage.py crm_setup`: create what the portal needs in the CRM, with an administrator's sign-in."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from syncapp.connection.clients import names, outgoing_connections
from syncapp.crm.auth.administrator import (
    SAMPLE_CLIENT_ID,
    AdministratorToken,
    by_browser,
    by_device_code,
    from_file,
    public_application,
)
from syncapp.crm.auth.authority import demo_session, login_session
from syncapp.crm.errors import CrmError, Forbidden
from syncapp.crm.transport import Transport
from syncapp.management.request_log import without_request_logs
from syncapp.tenant.setup import app_roles, auditing, by_hand, plan, removal
from syncapp.tenant.setup.items import ROLE, Environment, Options, SetupError, State
from syncapp.tenant.setup.scripts import form_steps

# Creating a table takes the CRM up to a minute.
_HTTP_SECONDS = 300.0
_WRITE = "Nothing was written. Run it again with --apply."
_ROLE_STEP = f"Assign the security role {ROLE} to the portal’s application user, in the Power Platform admin center."


class Command(BaseCommand):
    """The command that compares the CRM with what the portal needs, creates what is missing, or removes it again."""

    help = (
        "Show what the portal needs in the CRM and what is missing. With --apply, create it inside one unmanaged "
        "solution. Signs in as an administrator of the CRM; the token is neither stored nor logged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments: what to do, what to include, and how to sign in."""
        parser.add_argument("--apply", action="store_true", help="write; without it, only show the plan")
        alternatives = parser.add_mutually_exclusive_group()
        alternatives.add_argument("--remove", action="store_true", help="remove what this command created")
        alternatives.add_argument("--export", action="store_true", help="print what to create by hand, as Markdown")
        alternatives.add_argument(
            "--app-roles", action="store_true", help="print the app roles for the Entra registration"
        )
        parser.add_argument(
            "--with-revision", action="store_true", help="also create the contact's revision column and form script"
        )
        parser.add_argument("--with-auditing", action="store_true", help="also turn on auditing of contacts")
        sign_in = parser.add_mutually_exclusive_group()
        sign_in.add_argument("--device-code", action="store_true", help="sign in on another device")
        sign_in.add_argument("--token-file", type=Path, help="use a token from a file, plain or as Azure CLI prints it")
        parser.add_argument("--client-id", default=SAMPLE_CLIENT_ID, help="id of the public client for the sign-in")
        parser.add_argument(
            "--index-minutes", type=float, default=15, help="how many minutes to wait for the key's index"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a document, or sign in and compare, write or remove."""
        if options["export"]:
            self.stdout.write(by_hand.export(names()))
        elif options["app_roles"]:
            self.stdout.write(app_roles.manifest())
        else:
            with without_request_logs(options["verbosity"]):
                self._run(options)

    def _run(self, options: dict[str, Any]) -> None:
        transport = Transport(
            origin=settings.CRM_ORIGIN,
            token_source=self._token(options),
            read_timeout=_HTTP_SECONDS,
            outgoing=outgoing_connections(),
        )
        try:
            environment = Environment(transport, names())
            self.stdout.write(f"Signed in as {environment.reads.signed_in_user()}.")
            if options["remove"]:
                self._remove(environment, write=options["apply"])
            else:
                self._set_up(environment, options)
        except Forbidden as error:
            message = (
                f"The account that signed in lacks a right in this CRM. It needs System Administrator or System "
                f"Customizer; run the command again and choose another account. The CRM says: {error.message}"
            )
            raise CommandError(message) from error
        except CrmError as error:
            can_continue = error.is_transient or error.may_have_applied
            advice = " Run the command again; it continues where it stopped." if can_continue else ""
            raise CommandError(f"{type(error).__name__}: {error.message}{advice}") from error
        except SetupError as error:
            raise CommandError(str(error)) from error
        finally:
            transport.close()

    def _token(self, options: dict[str, Any]) -> AdministratorToken:
        if options["token_file"]:
            return from_file(options["token_file"])
        session = demo_session(settings.CRM_AUTHORITY) if settings.DEMO else login_session(outgoing_connections())
        sign_in = by_device_code if options["device_code"] else by_browser
        try:
            application = public_application(
                authority=settings.CRM_AUTHORITY, client_id=options["client_id"], session=session
            )
        except CrmError as error:
            raise CommandError(error.message) from error
        return sign_in(application, scope=f"{settings.CRM_ORIGIN}/user_impersonation", tell=self.stderr.write)

    def _set_up(self, environment: Environment, options: dict[str, Any]) -> None:
        wanted = Options(revision=options["with_revision"], auditing=options["with_auditing"])
        items = plan.make_plan(environment, wanted)
        for item in items:
            detail = f" ({item.detail})" if item.detail else ""
            self.stdout.write(f"{item.state:<16} {item.title}{detail}")
        if wanted.auditing:
            self.stdout.write(auditing.COSTS)
        is_done = all(item.state is State.EXISTS for item in items)
        if options["apply"]:
            plan.apply_plan(items, self.stdout.write)
            plan.wait_for_keys(environment, self.stdout.write, seconds=options["index_minutes"] * 60)
            plan.publish(environment, wanted)
            self._next_steps(environment, wanted)
        elif any(item.state is State.DIFFERS for item in items):
            raise CommandError("Some names are already used for something else; --apply would stop before it writes.")
        elif not is_done:
            self.stdout.write(_WRITE)

    def _next_steps(self, environment: Environment, wanted: Options) -> None:
        self.stdout.write(f"Done. Next:\n- {_ROLE_STEP}")
        if wanted.revision:
            self.stdout.write(f"- {form_steps(environment.names)}")
        elif environment.lacks_revision():
            column = environment.names.contact_revision
            self.stdout.write(
                f"- The contact has no column {column}. Run this again with --with-revision, or set CRM_NAMES so that "
                'contact_revision is empty: {"contact_revision": ""}.'
            )
        self.stdout.write("- Run manage.py crm_check.")

    def _remove(self, environment: Environment, *, write: bool) -> None:
        found = removal.plan_removal(environment)
        for title, _delete in found.steps:
            self.stdout.write(f"would be deleted {title}")
        for title in found.kept:
            self.stdout.write(f"stays            {title}: in the solution, but not created by this command")
        if not found.steps:
            self.stdout.write("There is nothing to remove.")
        elif write:
            removal.remove(found, self.stdout.write)
        else:
            self.stdout.write(_WRITE)
