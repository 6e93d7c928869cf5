"""`manage.py crm_check`: report what works in the company's CRM, what is missing and what to do."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from syncapp.connection import clients
from syncapp.management.database_errors import as_command_errors
from syncapp.management.request_log import without_request_logs
from syncapp.tenant.checks import run
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import Level
from syncapp.tenant.checks.summary import summarize

_MARKS = {Level.OK: "ok", Level.WARNING: "ATTENTION", Level.FAILED: "MISSING", Level.UNKNOWN: "not known"}


class Command(BaseCommand):
    """The command that runs every check and prints the findings; the exit status is 1 while something is missing."""

    help = "Check the CRM: sign-in, tables, privileges, auditing, filters, limits. Only reads, unless told otherwise."
    _shows_progress = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for the output and for the writing probes."""
        parser.add_argument("--json", action="store_true", help="print the findings for programs")
        parser.add_argument("--all", action="store_true", help="also explain the checks that passed")
        parser.add_argument(
            "--probe-writes",
            action="store_true",
            help="also run the checks that write: each value is written unchanged or put back, and read back",
        )
        parser.add_argument(
            "--contact",
            metavar="ID",
            type=UUID,
            help="with --probe-writes: a test contact whose pager is changed and put back, to measure the audit log",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checks and print the findings. Raises CommandError if one failed."""
        if options["contact"] and not options["probe_writes"]:
            raise CommandError("--contact needs --probe-writes.")
        with as_command_errors(), without_request_logs(options["verbosity"]):
            context = Context(
                clients.crm(),
                clients.names(),
                probes_writes=options["probe_writes"],
                contact_id=options["contact"],
            )
            result = run.run_checks(context, progress=self._progress)
            report = run.as_json(result, run.values_to_match(context))
        if self._shows_progress:
            self.stderr.write("\r" + " " * 78 + "\r", ending="")
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self._print(report, explains_all=options["all"])
            self.stdout.write(
                f"\n{len(result.findings)} checks in {result.seconds:.1f} s with {result.requests} requests."
            )
        failed = sum(finding.answer.level is Level.FAILED for finding in result.findings)
        if failed:
            raise CommandError(f"{failed} of {len(result.findings)} checks failed.", returncode=1)

    def _progress(self, done: int, total: int, name: str) -> None:
        if self.stderr.isatty():
            self._shows_progress = True
            self.stderr.write(f"\r{done} of {total}: {name[:50]:<50}", ending="")

    def _print(self, report: Mapping[str, Any], *, explains_all: bool) -> None:
        self.stdout.write(summarize(report["findings"]).sentence)
        for group, findings in groupby(report["findings"], key=itemgetter("group")):
            self.stdout.write(f"\n{group}")
            explanation_key = itemgetter("level", "answer", "tried", "means", "do", "command", "path")
            for _, same_findings in groupby(findings, key=explanation_key):
                self._print_findings(list(same_findings), explains_all=explains_all)
        self.stdout.write("\nThese values must match the app registration and the CRM")
        for name, value in report["values"].items():
            self.stdout.write(f"  {name:<26}{value}")

    def _print_findings(self, findings: Sequence[Mapping[str, Any]], *, explains_all: bool) -> None:
        """Print findings that differ only in their names, and explain them once if they need it."""
        finding = findings[0]
        explains = explains_all or finding["level"] != Level.OK
        names = [each["name"] for each in findings]
        for name in [", ".join(names)] if explains else names:
            self.stdout.write(f"  {_MARKS[Level(finding['level'])]:<11}{name}: {finding['answer']}")
        if not explains:
            return
        steps = [finding["do"], " > ".join(finding["path"]), finding["command"]]
        explanation = (("Tried", finding["tried"]), ("Means", finding["means"]), ("Do", " ".join(filter(None, steps))))
        for word, text in explanation:
            self.stdout.write(f"{'':<13}{word}: {text}")
