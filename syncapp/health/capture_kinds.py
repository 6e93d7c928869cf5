"""The troubles of capture, each with its meaning and what to do."""

from __future__ import annotations

from syncapp.health.kind import REFUSED, SEE_ANSWER, SLOW, WORKER_LOG, Kind
from syncapp.models import Breaker

NO_AUDIT_LOG = frozenset({"audit_log"})
FORBIDDEN_AUDIT = Kind(
    Breaker.Name.FORBIDDEN_AUDIT,
    f"{Breaker.Name.FORBIDDEN_AUDIT.label}.",
    "New edits from Outlook are not found. Nothing is restored, and reviewing is not affected.",
    "Give the application user’s security role “View audit summary” and “View audit history”.",
    f"the application user’s security roles in the CRM, and {WORKER_LOG}",
    hides=NO_AUDIT_LOG,
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_AUDIT = Kind(
    Breaker.Name.REFUSED_AUDIT,
    f"{Breaker.Name.REFUSED_AUDIT.label}.",
    "New edits from Outlook are not found. Nothing is restored, and reviewing is not affected.",
    f"Check that contacts track changes, and that this CRM offers its audit log to applications. {SLOW}",
    f"{SEE_ANSWER}; “manage.py crm_check”",
    hides=NO_AUDIT_LOG,
    affects_crm=True,
    connection=REFUSED,
)
AUDIT_LOG = Kind(
    "audit_log",
    "The CRM’s audit log is not being read.",
    "New edits from Outlook are not found, so they stay in the CRM. Reviewing is not affected.",
    "Find the reason in the log. The portal retries automatically.",
    f"{WORKER_LOG} (lines that begin with “audit log”)",
    affects_crm=True,
)
CAPTURE_PAUSED = Kind(
    "capture_paused",
    "Capture was paused automatically.",
    "Changes to contacts are read and counted, but nothing is staged or restored.",
    "Find out why, then resume it in Settings, Capture. It then affects only later changes.",
    "Settings, Capture; docs/how-to/capture.md",
    is_failure=False,
)
CAPTURE_GAP = Kind(
    "capture_gap",
    "The audit log has a gap.",
    "Edits made in Outlook at that time were not found, or were found too late to be restored.",
    "Turn auditing on for the organization, the contact table and its columns, and keep entries for at least 7 days.",
    "Settings, Capture; Settings, Connection, Full check; the audit settings in the Power Platform admin center",
    is_failure=False,
)
CAPTURE_FAILED = Kind(
    "capture_failed",
    "Edits from Outlook could not be staged.",
    "Their changes stay in the CRM without a review. Later edits are staged.",
    "Find the reason, then retry them. Or leave them in the CRM, which also removes this message.",
    f"Settings, Connection, “Edits that could not be staged”; {WORKER_LOG}",
    is_failure=False,
)
_NOT_STAGED = "Edits from Outlook stay in the CRM and are not staged for now. They are staged later, but not restored."
FORBIDDEN_CAPTURE = Kind(
    Breaker.Name.FORBIDDEN_CAPTURE,
    f"{Breaker.Name.FORBIDDEN_CAPTURE.label}.",
    _NOT_STAGED,
    "Allow the application user’s security role to create rows of the staging tables and to read all contacts.",
    f"the application user’s security roles in the CRM, and {WORKER_LOG}",
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_CAPTURE = Kind(
    Breaker.Name.REFUSED_CAPTURE,
    f"{Breaker.Name.REFUSED_CAPTURE.label}.",
    _NOT_STAGED,
    f"Run “manage.py crm_setup”, which adds what the staging tables lack. {SLOW}",
    f"{SEE_ANSWER}; CRM_NAMES; the staging tables in the CRM",
    affects_crm=True,
    connection=REFUSED,
)
