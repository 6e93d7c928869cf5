"""The groups of policies: the users that a policy covers, and the policies that cover a user."""

from __future__ import annotations

import uuid

from django.utils import timezone

from syncapp.models import FilterMembership, FilterPolicy, FilterUnit, FilterUser
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import targets


def members_of(policy: FilterPolicy) -> list[uuid.UUID]:
    """Return the enabled users of the group except the policy's exceptions, sorted by name. Raises NotPossible."""
    group = targets.of_team(policy.team_id) if policy.team_id else targets.of_unit(policy.unit_id or uuid.UUID(int=0))
    excluded = set(FilterUser.objects.filter(is_disabled=True).values_list("pk", flat=True))
    excluded |= {uuid.UUID(each) for each in policy.exceptions}
    return [user_id for user_id in group.ids if user_id not in excluded]


def members_or_empty(policy: FilterPolicy) -> list[uuid.UUID]:
    """Return the users as `members_of` does, or an empty list if the group is no longer in the CRM."""
    try:
        return members_of(policy)
    except NotPossible:
        return []


def policies_in_force() -> list[FilterPolicy]:
    """Return the policies in force today, sorted by name: not removed, not paused, and within their dates."""
    today = timezone.now().date()
    policies = FilterPolicy.objects.current().filter(is_paused=False)
    return [policy for policy in policies if policy.is_in_force(today)]


def policies_of(user: FilterUser) -> list[FilterPolicy]:
    """Return the policies in force whose group includes this user."""
    policies = [] if user.is_disabled else policies_in_force()
    if not policies:
        return []
    teams = set(FilterMembership.objects.filter(user_id=user.pk).values_list("team_id", flat=True))
    parents = dict(FilterUnit.objects.values_list("pk", "parent_id"))
    units: list[uuid.UUID] = []  # the user's unit and all units above it; a cycle of units also ends the loop
    unit_id = user.unit_id
    while unit_id is not None and unit_id not in units:
        units.append(unit_id)
        unit_id = parents.get(unit_id)
    return [
        policy
        for policy in policies
        if (policy.team_id in teams or policy.unit_id in units) and str(user.pk) not in policy.exceptions
    ]
