"""Checks of access to other users' filters, by probes whose effect is read back."""

from __future__ import annotations

from syncapp.crm.directory.records import DirectoryUser
from syncapp.crm.filters.access import probe_reading, probe_writing
from syncapp.crm.filters.records import ReadingProbe
from syncapp.mirror.filters import access
from syncapp.models.sync_filters.filter import Access
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import FILTERS, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.words import answer_text
from syncapp.tenant.privileges import ADMIN_FILTER
from syncapp.text.localization import number

GROUP = "Filters"
_MAX_PROBES = 5
PROBE = "python manage.py crm_check --probe-writes"
_NOBODY = "No user with a security role, a mailbox and filters was found, so nothing could be tried."


def _probes(context: Context) -> list[tuple[DirectoryUser, ReadingProbe]]:
    def read() -> list[tuple[DirectoryUser, ReadingProbe]]:
        return [(user, probe_reading(context.crm, user.acting)) for user in context.people()[:_MAX_PROBES]]

    return context.once("probes", read)


def reading(context: Context) -> Answer:
    """Read a few people's filters directly and on their behalf, and compare the results."""
    probes = [probe for _, probe in _probes(context)]
    direct = [probe for probe in probes if probe.direct_works]
    acting = [probe for probe in probes if probe.acting_works]
    if direct:
        count = sum(probe.direct_count or 0 for probe in direct)
        answer = f"directly, {number(count)} filters of {len(direct)} people"
        return ok(answer, "All users’ filters can be read without acting on their behalf.")
    if acting:
        answer = f"only on their behalf, {len(acting)} people"
        meaning = "Filters are read one person at a time, which takes longer."
        return Answer(Level.WARNING, answer, meaning, "Add prvAdminFilter to the portal’s role to read them directly.")
    # Without the privilege, direct reads return nothing instead of failing.
    direct_fails = any(probe.direct_works is False for probe in probes) or ADMIN_FILTER.lower() not in context.held()
    if probes and direct_fails and all(probe.acting_works is False for probe in probes):
        meaning = "The Filters pages stay empty, and nothing can be switched."
        remedy = "Add prvAdminFilter and Read on Saved View to the portal’s role."
        return Answer(Level.FAILED, "neither way works", meaning, remedy, fix="Allow the portal to read filters")
    return not_asked("no one to compare", _NOBODY, "Check again when people have filters.")


def impersonation(context: Context) -> Answer:
    """Check whether the CRM answers an impersonated call as the impersonated person."""
    probes = _probes(context)
    if not probes:
        return not_asked("no one to act for", _NOBODY, "Check again when people have a role and a mailbox.")
    user, probe = probes[0]
    if probe.answered_as == user.id:
        return ok("the CRM answers as that person", "The rows that a person’s filter selects can be counted.")
    meaning = "There are no forecasts of what a filter selects. Filters are switched directly."
    remedy = "Add prvActOnBehalfOfAnotherUser to the portal’s role."
    if probe.answered_as is not None:
        meaning = f"The CRM ignores the impersonation and answers as the portal’s own user. {meaning}"
        return Answer(Level.WARNING, "ignored without an error", meaning, "Ask Microsoft support why it is ignored.")
    return Answer(Level.WARNING, "refused", meaning, remedy)


def writing(context: Context) -> Answer:
    """Check whether a filter could be written; with the writing probes, write one filter's state unchanged."""
    if context.probes_writes:
        return _test_writing(context)
    known = access.capabilities()
    if known.writing in (Access.DIRECT, Access.ACTING) and known.writing_probed_at:
        answer = f"{known.get_writing_display().lower()}, read back {known.writing_probed_at:%d %b %Y %H:%M} UTC"
        return ok(answer, "Runs can switch filters.", tried="Looked up the last write that was read back")
    if known.writing == Access.NONE:
        meaning = "The Filters pages show all filters, but none can be switched."
        remedy = "Add Write on Saved View, with prvAdminFilter or prvActOnBehalfOfAnotherUser, to the portal’s role."
        return Answer(Level.FAILED, "neither way works", meaning, remedy, fix="Allow the portal to switch filters")
    meaning = "Microsoft documents only reading. Writing one filter’s state as it is, and reading it back, shows it."
    return not_asked("not tried", meaning, "Try it; nothing changes:", command=PROBE)


def _test_writing(context: Context) -> Answer:
    if not context.crm.filters_may_be_switched():
        meaning = "The portal writes nothing while the connection is read-only."
        return not_asked("not tried: the connection is read-only", meaning, "Enable filters in Settings, Connection.")
    tried = "Wrote one filter’s state as it was, then read it back"
    own = context.round_trip().identity.user_id
    for user, probe in _probes(context):
        if not (probe.direct_works or probe.acting_works):
            continue
        filters = context.crm.filters.of(user.id, acting_for=None if probe.direct_works else user.acting)
        found = next((each for each in filters if not each.problem), None)
        if found is None:
            continue
        if probe_writing(context.crm, found, expected_author=own, keeps_versions=False).works:
            return ok("directly, read back", "Runs can switch filters of many people at once.", tried=tried)
        as_owner = probe_writing(
            context.crm, found, expected_author=user.id, acting_for=user.acting, keeps_versions=False
        )
        if as_owner.works:
            meaning = "Runs switch filters one person at a time, which takes longer."
            return Answer(
                Level.WARNING, "only on the person’s behalf", meaning, "Add prvAdminFilter to the portal’s role.", tried
            )
        meaning = "Nothing can be switched."
        remedy = "Add Write on Saved View, with prvAdminFilter or prvActOnBehalfOfAnotherUser, to the portal’s role."
        answer = answer_text(as_owner.error) if as_owner.error else "accepted, but read back differently"
        return Answer(Level.FAILED, answer, meaning, remedy, tried, "Allow the portal to switch filters")
    return not_asked("no one to try it with", _NOBODY, "Check again when people have filters.")


CHECKS = (
    Check(
        "filters.reading",
        "Reading other users’ filters",
        GROUP,
        "Read filters of a few people in both ways",
        reading,
        (FILTERS,),
    ),
    Check("filters.impersonation", "Acting on behalf of users", GROUP, "WhoAmI on behalf of a user", impersonation, ()),
    Check("filters.writing", "Switching other users’ filters", GROUP, "Nothing", writing, (FILTERS,)),
)
