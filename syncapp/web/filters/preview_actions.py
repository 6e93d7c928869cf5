"""The buttons of a preview that change its list: release, hold back, leave out, and include again."""

from __future__ import annotations

from collections.abc import Callable

from syncapp.models import FilterRun
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import list_changes
from syncapp.sync_filters.runs.held_groups import HeldGroup
from syncapp.sync_filters.runs.parts import Part
from syncapp.text.localization import number
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest

# Performs a change and returns what was done, in one sentence. Raises NotPossible.
Action = Callable[[PortalRequest, FilterRun], str]


def _ticked_items(request: PortalRequest) -> list[int]:
    keys = map(parameters.whole_number, request.POST.getlist("item"))
    ticked = [key for key in keys if key is not None]
    if not ticked:
        raise NotPossible("Select at least one user. Nothing was changed.")
    return ticked


def _users(count: int) -> str:
    return f"{number(count)} user{'' if count == 1 else 's'}"


def _release(request: PortalRequest, run: FilterRun) -> str:
    count = list_changes.release(run, _ticked_items(request), by=request.user)
    return f"Released {_users(count)}. They change when the run starts."


def _release_group(request: PortalRequest, run: FilterRun) -> str:
    group, seen = request.POST.get("group", ""), request.POST.get("seen", "")
    if group not in HeldGroup.values:
        raise NotPossible("Choose the group to release. Nothing was changed.")
    count = list_changes.release_group(run, HeldGroup(group), seen=seen, by=request.user)
    return f"Released {_users(count)}. They change when the run starts."


def _hold_back(request: PortalRequest, run: FilterRun) -> str:
    count = list_changes.hold_back(run, _ticked_items(request), by=request.user)
    return f"{_users(count)} held back again."


def _leave_out_users(request: PortalRequest, run: FilterRun) -> str:
    return f"Left out {_users(list_changes.leave_out_users(run, _ticked_items(request), by=request.user))}."


def _leave_out_part(part: Part) -> Action:
    return lambda request, run: f"Left out {_users(list_changes.leave_out(run, part, by=request.user))}."


def _include(request: PortalRequest, run: FilterRun) -> str:
    return f"Included {_users(list_changes.include_again(run, _ticked_items(request), by=request.user))} again."


def _include_all(request: PortalRequest, run: FilterRun) -> str:
    return f"Included {_users(list_changes.include_again(run, by=request.user))} again."


ACTIONS: dict[str, Action] = {
    "keep": lambda request, run: "What you typed is kept. Nothing was started.",
    "release": _release,
    "release_group": _release_group,
    "hold_back": _hold_back,
    "leave_out": _leave_out_users,
    "take_back": _include,
    "take_all_back": _include_all,
    **{f"leave_{part.value}": _leave_out_part(part) for part in Part},
}
