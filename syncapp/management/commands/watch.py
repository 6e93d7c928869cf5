"""`manage.py watch`: monitor the portal from outside its workers, once a minute, by cron or a timer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from portal import processes
from syncapp import health
from syncapp.health import Health, Trouble, kinds, probes
from syncapp.health.outages import is_database_down
from syncapp.models import Message
from syncapp.models.outbox import MessageKind
from syncapp.notifications import alerts, lost_database, sending
from syncapp.notifications.lost_database import StateNotSaved
from syncapp.notifications.mail_service import channel

HEALTHY, TROUBLE, NO_DATABASE = 0, 1, 2


class Command(BaseCommand):
    """The command that mails operators about troubles, from this process because the workers may be down."""

    help = (
        "Send mails about troubles of the portal. Run it once a minute, outside the workers. "
        "Exit status: 0 no trouble, 1 trouble, 2 the database does not answer."
    )

    def run_from_argv(self, argv: list[str]) -> None:
        """Use the short database timeouts of web processes, because the next run comes in a minute."""
        processes.set_kind(processes.Kind.WEB)
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the portal, and exit with its status. Run it on one host only: sent alerts are recorded there."""
        status = self._check()
        if status != HEALTHY:
            sys.exit(status)

    def _check(self) -> int:
        if not probes.DATABASE.answers():
            return self._without_database()
        try:
            queued = alerts.queue_alerts()
            due = Message.objects.filter(kind=MessageKind.OPERATIONS).due().values_list("pk", flat=True)
            sent = sum(sending.send(pk, channel=channel()) for pk in list(due))
            sent += self._count_sent(lost_database.report_recovery)
            self.stdout.write(f"{queued} queued, {sent} sent")
            return self._report(health.check_health())
        except Error as error:
            connection.close()
            if is_database_down(error):
                return self._without_database()
            state = health.check_health()
            if state.is_ready:
                raise CommandError(f"The database refused a query: {error}".strip()) from error
            return self._report(state)  # for example, migrations are missing, so no mail can be stored

    def _without_database(self) -> int:
        self._print(Trouble(kinds.DATABASE))
        self.stdout.write(f"{self._count_sent(lost_database.report_outage)} sent")
        return NO_DATABASE

    def _count_sent(self, send: Callable[[], tuple[int, str]]) -> int:
        """Send mails with `send`, and return how many were sent; print the last error, if any."""
        try:
            sent, problem = send()
        except StateNotSaved as error:
            sent, problem = 0, str(error)
        if problem:
            self.stderr.write(problem)
        return sent

    def _report(self, state: Health) -> int:
        for trouble in state.troubles:
            self._print(trouble)
        return HEALTHY if state.is_healthy else TROUBLE

    def _print(self, trouble: Trouble) -> None:
        self.stdout.write(f"{trouble.code}: {trouble.text}")
