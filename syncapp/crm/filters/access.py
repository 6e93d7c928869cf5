"""Probes of the two ways to access other users' filters: with our own permission, or by impersonating the owner.

The documentation covers only reading, and the CRM silently ignores an impersonation with an unknown id. So both
ways are tried, and the data read back shows which of them work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.directory.records import ActingFor
from syncapp.crm.errors import CrmError
from syncapp.crm.filters.records import FilterChange, FilterSwitch, OutlookFilter, ReadingProbe, WritingProbe

Found = TypeVar("Found")


def probe_reading(crm: CrmClient, owner: ActingFor, *, deadline: Deadline | None = None) -> ReadingProbe:
    """Count one owner's filters both ways. Raises CrmError only for failures of the connection."""
    direct_count, direct_error = _try_call(lambda: len(crm.filters.of(owner.user_id, deadline=deadline)))
    acting_count, acting_error = _try_call(
        lambda: len(crm.filters.of(owner.user_id, acting_for=owner, deadline=deadline))
    )
    answered_as, _ = _try_call(lambda: crm.who_am_i(acting_for=owner, deadline=deadline).user_id)
    return ReadingProbe(owner.user_id, direct_count, acting_count, answered_as, direct_error, acting_error)


def probe_writing(
    crm: CrmClient,
    found: OutlookFilter,
    *,
    expected_author: UUID,
    acting_for: ActingFor | None = None,
    keeps_versions: bool = True,
    deadline: Deadline | None = None,
) -> WritingProbe:
    """Write a filter without changing it, and read back the author that the CRM recorded.

    `expected_author` is our own user, or the impersonated owner. Raises CrmError only for failures of the connection,
    WritesDisabled if switching filters is not enabled.
    """
    change = FilterChange(found.id, found.is_on, found.etag if keeps_versions else "", found.status)
    switch = FilterSwitch(found.owner_id, (change,), found.query_type)
    try:
        (result,) = crm.filters.switch([switch], acting_for=acting_for, tag="osync-probe", deadline=deadline)
    except CrmError as error:
        if error.is_transient or error.status not in _REFUSED:
            raise
        return WritingProbe(found.id, works=False, recorded_as=None, error=error)
    author = next((each.modified_by for each in result.now or () if each.id == found.id), None)
    return WritingProbe(
        filter_id=found.id,
        works=result.error is None and result.as_requested is True and author == expected_author,
        recorded_as=author,
        error=result.error,
        ignored_silently=result.wrong_author,
    )


# A refusal of this caller or this user is a result of the probe.
_REFUSED = frozenset({400, 403, 404})


def _try_call(call: Callable[[], Found]) -> tuple[Found | None, CrmError | None]:
    try:
        return call(), None
    except CrmError as error:
        if error.is_transient or (error.status not in _REFUSED and error.code != "owner"):
            raise
        return None, error
