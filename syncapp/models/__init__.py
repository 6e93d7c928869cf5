"""Data, vocabulary, constraints and single-row questions. Operations live in packages such as `review`."""

from __future__ import annotations

from syncapp.models.activity import DailyCount
from syncapp.models.audit import AuditEntry, AuditValue
from syncapp.models.capture.day import CaptureContactDay, CaptureDay
from syncapp.models.capture.entry import CaptureContact, CaptureEntry, CaptureValue
from syncapp.models.capture.job import CaptureJob
from syncapp.models.capture.put_back import PutBackItem, PutBackJob, PutBackPlan, PutBackPreparation
from syncapp.models.capture.restore import Restore
from syncapp.models.capture.settings import Capture, CaptureColumn, CaptureGap, CaptureIdentity, CaptureSource
from syncapp.models.connection import Breaker, Connection, CrmColumn, CrmUser, DailyOperations, Heartbeat, MirrorCursor
from syncapp.models.connection_check import ConnectionCheck
from syncapp.models.jobs.job import Job
from syncapp.models.jobs.periodic_task import PeriodicTask
from syncapp.models.mirror.sync_field import SyncField
from syncapp.models.mirror.sync_record import RecordWord, SyncRecord
from syncapp.models.mirror.unreadable_row import UnreadableRow
from syncapp.models.outbox import Alert, Arrival, Message
from syncapp.models.person import Person, SignInAttempt
from syncapp.models.preferences import Preferences
from syncapp.models.process_clock import ProcessClock
from syncapp.models.review.collaboration import Comment, Presence
from syncapp.models.review.decision import Decision
from syncapp.models.review.delivery import Delivery
from syncapp.models.review.rule import Rule, RuleTrace
from syncapp.models.review.saved_view import SavedView
from syncapp.models.review.selection import Selection, SelectionItem, SelectionRun
from syncapp.models.sync_filters.filter import FilterAccess, FilterRow, SystemFilter
from syncapp.models.sync_filters.policy import FilterPolicy, PolicyMember
from syncapp.models.sync_filters.run import FilterRun, FilterRunChange, FilterRunItem, MeetingAtRisk, MeetingCount
from syncapp.models.sync_filters.run_preparation import RunPreparation
from syncapp.models.sync_filters.saved_view import FilterView
from syncapp.models.sync_filters.sync_paths_day import SyncPathsDay
from syncapp.models.sync_filters.user import FilterMembership, FilterTeam, FilterUnit, FilterUser
from syncapp.models.sync_filters.user_forecast import UserForecast
from syncapp.models.sync_filters.user_list import UserList, UserListEntry

__all__ = [
    "Alert",
    "Arrival",
    "AuditEntry",
    "AuditValue",
    "Breaker",
    "Capture",
    "CaptureColumn",
    "CaptureContact",
    "CaptureContactDay",
    "CaptureDay",
    "CaptureEntry",
    "CaptureGap",
    "CaptureIdentity",
    "CaptureJob",
    "CaptureSource",
    "CaptureValue",
    "Comment",
    "Connection",
    "ConnectionCheck",
    "CrmColumn",
    "CrmUser",
    "DailyCount",
    "DailyOperations",
    "Decision",
    "Delivery",
    "FilterAccess",
    "FilterMembership",
    "FilterPolicy",
    "FilterRow",
    "FilterRun",
    "FilterRunChange",
    "FilterRunItem",
    "FilterTeam",
    "FilterUnit",
    "FilterUser",
    "FilterView",
    "Heartbeat",
    "Job",
    "MeetingAtRisk",
    "MeetingCount",
    "Message",
    "MirrorCursor",
    "PeriodicTask",
    "Person",
    "PolicyMember",
    "Preferences",
    "Presence",
    "ProcessClock",
    "PutBackItem",
    "PutBackJob",
    "PutBackPlan",
    "PutBackPreparation",
    "RecordWord",
    "Restore",
    "Rule",
    "RuleTrace",
    "RunPreparation",
    "SavedView",
    "Selection",
    "SelectionItem",
    "SelectionRun",
    "SignInAttempt",
    "SyncField",
    "SyncPathsDay",
    "SyncRecord",
    "SystemFilter",
    "UnreadableRow",
    "UserForecast",
    "UserList",
    "UserListEntry",
]
