"""Data, vocabulary, constraints and single-row questions. Operations live in `mirror`, `review`, `jobs`."""

from __future__ import annotations

from syncapp.models.audit import AuditEntry, AuditValue
from syncapp.models.connection import Connection, CrmColumn, CrmUser, Gate, MirrorCursor, Pulse
from syncapp.models.daily_count import DailyCount
from syncapp.models.decision import Decision
from syncapp.models.delivery import Delivery
from syncapp.models.durable_work import DurableWork
from syncapp.models.filter_policy import FilterPolicy, PolicyMember
from syncapp.models.filter_row import FilterGround, FilterRow, SystemFilter
from syncapp.models.filter_run import FilterRun, FilterRunChange, FilterRunItem, MeetingAtRisk, MeetingCount
from syncapp.models.filter_user import FilterMembership, FilterTeam, FilterUnit, FilterUser
from syncapp.models.message import Alarm, Arrival, Message
from syncapp.models.periodic_task import PeriodicTask
from syncapp.models.person import Person, SignInAttempt
from syncapp.models.preferences import Preferences
from syncapp.models.process_clock import ProcessClock
from syncapp.models.reach_day import ReachDay
from syncapp.models.rule import Rule, RuleTrace
from syncapp.models.run_preparation import RunPreparation
from syncapp.models.saved_view import SavedView
from syncapp.models.selection import Selection, SelectionItem, SelectionRun
from syncapp.models.sync_field import SyncField
from syncapp.models.sync_record import RecordWord, SyncRecord
from syncapp.models.together import Comment, Presence
from syncapp.models.unreadable_row import UnreadableRow
from syncapp.models.user_forecast import UserForecast
from syncapp.models.user_list import UserList, UserListEntry

__all__ = [
    "Alarm",
    "Arrival",
    "AuditEntry",
    "AuditValue",
    "Comment",
    "Connection",
    "CrmColumn",
    "CrmUser",
    "DailyCount",
    "Decision",
    "Delivery",
    "DurableWork",
    "FilterGround",
    "FilterMembership",
    "FilterPolicy",
    "FilterRow",
    "FilterRun",
    "FilterRunChange",
    "FilterRunItem",
    "FilterTeam",
    "FilterUnit",
    "FilterUser",
    "Gate",
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
    "Pulse",
    "ReachDay",
    "RecordWord",
    "Rule",
    "RuleTrace",
    "RunPreparation",
    "SavedView",
    "Selection",
    "SelectionItem",
    "SelectionRun",
    "SignInAttempt",
    "SyncField",
    "SyncRecord",
    "SystemFilter",
    "UnreadableRow",
    "UserForecast",
    "UserList",
    "UserListEntry",
]
