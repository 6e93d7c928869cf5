"""`manage.py watch`: look after the portal from outside of its workers, by cron or a timer, once a minute."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from portal import processes
from syncapp import alarms
from syncapp.connection import post
from syncapp.emails import sending
from syncapp.models import Message
from syncapp.models.message import MessageKind


class Command(BaseCommand):
    """Tell the operators of troubles, and hand those mails over in this very process: the workers may be gone."""

    help = "Make and send the mails about the portal's own troubles. Run it once a minute, outside of the workers."

    def run_from_argv(self, argv: list[str]) -> None:
        """Wait no longer for the database than a page does: the next run comes in a minute."""
        processes.become(processes.Kind.WEB)
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Safe to run at any time and beside the workers."""
        made = alarms.watch()
        due = Message.objects.filter(kind=MessageKind.OPERATIONS).due().values_list("pk", flat=True)
        sent = sum(sending.send(pk, post=post()) for pk in list(due))
        self.stdout.write(f"{made} made, {sent} handed over")
