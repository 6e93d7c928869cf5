"""`manage.py troubles`: print every trouble of the portal, its meaning and what to do, as Markdown."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from syncapp.health import kinds


class Command(BaseCommand):
    """The command that prints the list in docs/how-to/troubles.md, from the texts of banner, mails and /healthz."""

    help = "Print each trouble of the portal: its code, what it means, what to do and where to look."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one section for each trouble."""
        lines: list[str] = []
        for kind in kinds.KINDS:
            notes = [] if kind.is_mailed else ["no mail"]
            notes += [] if kind.is_failure else ["`/healthz` still answers 200"]
            lines += [
                f"### {kind.title.removesuffix('.')}",
                "",
                f"- Code `{kind.code}`" + (f" ({', '.join(notes)})" if notes else ""),
                f"- **Means:** {kind.meaning}",
                f"- **What to do:** {kind.remedy}",
                f"- **Where to look:** {kind.where}.",
                "",
            ]
        self.stdout.write("\n".join(lines), ending="")
