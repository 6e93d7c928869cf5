"""Checks of the directions in which contact fields are synchronized with Outlook."""

from __future__ import annotations

from syncapp.crm.directions.records import CONTACT_CODE, Direction, FieldDirection
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.filters import PROBE
from syncapp.tenant.checks.findings import Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.synchronization import GROUP
from syncapp.tenant.checks.words import answer_text

_FULL_NAME, _JOB_TITLE = "fullname", "jobtitle"
# Their direction cannot be set ("What fields can be synchronized with Outlook").
_FIXED = (_FULL_NAME, "parentcustomerid")
_MAPPINGS = "syncattributemapping"
_WORDS = {
    Direction.NONE: "not synchronized",
    Direction.TO_OUTLOOK: "to Outlook",
    Direction.TO_CRM: "to the CRM",
    Direction.BOTH: "both ways",
}
_ADMIN_CENTER = "Power Platform admin center"
_PATH = (_ADMIN_CENTER, "Environments", "Settings", "Integration", "Synchronization", "Synchronized fields")


def _directions(context: Context) -> tuple[FieldDirection, ...]:
    def read() -> tuple[FieldDirection, ...]:
        people = context.people()
        user_id = people[0].id if people else context.round_trip().identity.user_id
        return tuple(each for each in context.crm.directions.of(user_id) if each.table_code == CONTACT_CODE)

    return context.once("directions", read)


def _words(direction: int) -> str:
    return _WORDS[Direction(direction)] if direction in set(Direction) else f"{direction}, not a known direction"


def directions(context: Context) -> Answer:
    """Read the direction in which each contact field is synchronized."""
    found = _directions(context)
    if not found:
        meaning = "It is not known which edits in Outlook reach the CRM."
        return Answer(Level.WARNING, "no contact field is listed", meaning, "Look at the directions:", path=_PATH)
    counts = [(sum(each.direction == direction for each in found), words) for direction, words in _WORDS.items()]
    unknown = sum(each.direction not in set(Direction) for each in found)
    counts.append((unknown, "in an unknown direction"))
    answer = f"{len(found)} fields: " + ", ".join(f"{count} {words}" for count, words in counts if count)
    items = tuple(f"{each.label}: {_words(each.direction)}" for each in found)
    if unknown:
        meaning = "It is not known whether edits to these fields reach the CRM."
        return Answer(Level.WARNING, answer, meaning, "Look at the directions:", path=_PATH, items=items)
    if not any(each.direction & Direction.TO_CRM for each in found):
        meaning = "No edit in Outlook reaches the CRM, so there is nothing to review."
        return Answer(
            Level.WARNING,
            answer,
            meaning,
            "Set the direction of the fields that people may edit:",
            path=_PATH,
            items=items,
        )
    return ok(answer, "Edits in Outlook reach the CRM for the fields that go both ways or to the CRM.", items=items)


def allowed_directions(context: Context) -> Answer:
    """Compare the allowed directions of the full name, which cannot be set, with those of the job title, which can."""
    found = {each.column: each.allowed for each in _directions(context)}
    name, title = found.get(_FULL_NAME), found.get(_JOB_TITLE)
    if name is None or title is None:
        meaning = "It is not known which directions the CRM would accept."
        return not_asked("the CRM does not say", meaning, tried="Compared two fields")
    answer = f"full name {name}, job title {title}"
    if name == title:
        meaning = "The number does not distinguish fields whose direction can be set from others."
        return Answer(Level.WARNING, answer, meaning)
    return ok(answer, "The number distinguishes fields whose direction can be set from others.")


def changing_directions(context: Context) -> Answer:
    """Write the direction of one field unchanged and read it back, if the writing probes were requested."""
    meaning = "Whether the CRM lets a program change a direction is not documented."
    if not context.probes_writes:
        remedy = "The portal can write one field’s direction as it is, and read it back. Nothing changes:"
        return not_asked("not tried", meaning, remedy, command=PROBE)
    if not context.crm.filters_may_be_switched():
        meaning = "The portal writes nothing while the connection is read-only."
        return not_asked("not tried: the connection is read-only", meaning, "Enable filters in Settings, Connection.")
    settable = [each for each in _directions(context) if each.column not in _FIXED]
    if not settable:
        return not_asked("no field that could be tried", meaning)
    field = settable[0]
    tried = f"Wrote the direction of {field.label} as it was, then read it back"
    before = context.crm.directions.stored(field.id)
    keeps_versions = context.table(_MAPPINGS).keeps_versions
    after = context.crm.directions.rewrite(before, keeps_versions=keeps_versions)
    if after.error is not None and after.error.is_transient:
        raise after.error
    if after.error is not None:
        meaning = "The portal cannot change directions. An administrator can."
        return Answer(
            Level.WARNING, answer_text(after.error), meaning, "Set them in the admin center:", tried, path=_PATH
        )
    if after.read_back != before.direction:
        answer = "could not be read back" if after.read_back is None else f"read back as {_words(after.read_back)}"
        meaning = "The CRM did not keep what it accepted."
        return Answer(Level.WARNING, f"accepted, but {answer}", meaning, "Look at the directions:", tried, path=_PATH)
    meaning = "The CRM accepts directions from the portal. Whether a changed one must be published is not known yet."
    return ok(f"accepted, read back as {_words(before.direction)}", meaning, tried=tried)


CHECKS = (
    Check(
        "directions",
        "Directions of contact fields",
        GROUP,
        "RetrievePrincipalSyncAttributeMappings of one user",
        directions,
    ),
    Check("directions.allowed", "Directions that can be set", GROUP, "Compared two fields", allowed_directions),
    Check("directions.writing", "Changing directions", GROUP, "Nothing", changing_directions),
)
