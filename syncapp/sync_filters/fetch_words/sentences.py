"""FetchXML in plain words: what a filter selects for a user ("FetchXml reference").

Unknown parts are not guessed: they stay in the sentence as FetchXML, marked as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from syncapp.crm import xml
from syncapp.crm.errors import ProtocolError
from syncapp.sync_filters.fetch_words import dates
from syncapp.sync_filters.fetch_words.vocabulary import (
    ROLES,
    TABLES,
    USER_OPERATORS,
    column_label,
    operator_phrase,
    value_words,
)

_IGNORED_TAGS = ("attribute", "all-attributes", "no-attrs", "order")
_ANSWER_ATTRIBUTES = frozenset({"version", "mapping", "output-format", "distinct", "no-lock", "returntotalrecordcount"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence; `is_raw` if it is FetchXML that could not be put into words."""

    text: str
    is_raw: bool = False


Words = tuple[Piece, ...]


def describe(fetch_xml: str, *, who: str) -> Words:
    """Describe what the filter selects when evaluated for `who`, as a sentence without a period."""
    try:
        root = xml.parse(fetch_xml)
    except ProtocolError:
        return (Piece("Something that cannot be read:"), Piece(fetch_xml[:500], is_raw=True))
    entity = root.find("entity")
    if root.tag != "fetch" or entity is None:
        return (_raw_piece(root),)
    name = entity.get("name", "")
    parts = _describe_parts(entity, name, who)
    plural = TABLES.get(name, name)
    words = [Piece(plural if parts else f"All {plural.lower()}"), *_join(parts, last=", and")]
    limits = {key: value for key, value in root.attrib.items() if key not in _ANSWER_ATTRIBUTES}
    if limits:
        words.append(Piece(" ".join(f'{key}="{value}"' for key, value in limits.items()), is_raw=True))
    return tuple(words)


def as_text(words: Words) -> str:
    """Return the pieces as one text."""
    text = " ".join(piece.text for piece in words)
    return text.replace(" ,", ",").replace("( ", "(").replace(" )", ")")


def merge_pieces(words: Words) -> Words:
    """Merge neighboring pieces of the same kind, for display."""
    found: list[Piece] = []
    for is_raw, pieces in groupby(words, key=lambda piece: piece.is_raw):
        found.append(Piece(as_text(tuple(pieces)), is_raw))
    return tuple(found)


def _describe_parts(element: xml.Element, table: str, who: str) -> list[Words]:
    """Describe each part of a table's element, leaving out those that select nothing."""
    found: list[Words] = []
    for child in element:
        if child.tag == "filter" and set(child.attrib) <= {"type"}:
            found.append(_describe_filter(child, table, who))
        elif child.tag == "condition":
            found.append(_describe_condition(child, table, who))
        elif child.tag == "link-entity":
            found.append(_describe_link(child, who))
        elif child.tag not in _IGNORED_TAGS:
            found.append((_raw_piece(child),))
    return [words for words in found if words]


def _describe_filter(element: xml.Element, table: str, who: str) -> Words:
    parts = _describe_parts(element, table, who)
    for index, words in enumerate(parts):
        # Parentheses, so that "a and either b or c and d" cannot be misread.
        if any(piece.text in ("and", "or") for piece in words if not piece.is_raw):
            parts[index] = (Piece("("), *words, Piece(")"))
    if element.get("type", "and") == "and" or len(parts) < 2:
        return tuple(_join(parts, last=" and", between=" and"))
    return (Piece("either"), *_join(parts, last=" or", between=" or"))


def _join(parts: Sequence[Words], *, last: str, between: str = ",") -> list[Piece]:
    found: list[Piece] = []
    for index, words in enumerate(parts):
        if index:
            glue = last if index == len(parts) - 1 else between
            found += [Piece(glue.strip()) if glue.startswith(" ") else Piece(glue)]
        found += words
    return found


def _describe_condition(element: xml.Element, table: str, who: str) -> Words:
    values = _condition_values(element)
    if values is None or set(element.attrib) - {"attribute", "operator", "value", "uiname", "uitype"}:
        return (_raw_piece(element),)
    name, operator = element.get("attribute", ""), element.get("operator", "")
    person, phrase = USER_OPERATORS.get(operator, "").format(who=who), operator_phrase(operator, len(values))
    if person and not values:
        is_owner = name == "ownerid" and not operator.startswith("ne-")
        text = f"owned by {person}" if is_owner else f"whose {column_label(name)} is {person}"
    else:
        text = dates.date_words(table, name, operator, values)
    if not text and phrase and name:
        words = [value_words(table, name, value) for value in values]
        text = f"whose {column_label(name)} {phrase.format(*words, all=_join_with_or(words))}"
    return (Piece(text),) if text else (_raw_piece(element),)


def _condition_values(element: xml.Element) -> list[str] | None:
    """Return the values that a condition compares with, preferring stored labels; None if the form is unknown."""
    if any(child.tag != "value" or set(child.attrib) - {"uiname", "uitype"} for child in element):
        return None
    children = [child.get("uiname") or (child.text or "").strip() for child in element]
    single = element.get("uiname") or element.get("value")
    return children if children else [single] if single is not None else []


def _join_with_or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _describe_link(element: xml.Element, who: str) -> Words:
    """Describe a link to another table; an outer link without conditions selects nothing."""
    kind = element.get("link-type", "inner")
    if set(element.attrib) - {"name", "from", "to", "alias", "link-type", "visible", "intersect"}:
        return (_raw_piece(element),)
    name = element.get("name", "")
    if kind == "outer" and not any(child.tag in ("filter", "link-entity") for child in element):
        return ()
    if kind not in ("inner", "natural"):
        return (_raw_piece(element),)
    participation = _describe_participation(element, who)
    if participation:
        return participation
    lead = Piece(f"with {TABLES.get(name, name).lower()} (by {element.get('to', '')})")
    return (lead, *_join(_describe_parts(element, name, who), last=" and", between=" and"))


def _describe_participation(element: xml.Element, who: str) -> Words:
    """Describe the usual link to an activity's parties ("ActivityParty", participationtypemask)."""
    conditions = list(element.iter("condition"))
    others = [child for child in element.iter() if child.tag not in ("condition", "value", "filter", *_IGNORED_TAGS)]
    has_or = any(each.tag == "filter" and each.get("type", "and") != "and" for each in element.iter())
    if element.get("name") != "activityparty" or others != [element] or has_or:
        return ()
    by_name = {found.get("attribute"): found for found in conditions}
    person, role = by_name.pop("partyid", None), by_name.pop("participationtypemask", None)
    if person is None or person.get("operator") != "eq-userid" or by_name or len(conditions) > 2:
        return ()
    if role is None:
        return (Piece(f"in which {who} takes part"),)
    values = _condition_values(role) or []
    if role.get("operator") not in ("eq", "in") or not values or not all(value in ROLES for value in values):
        return ()
    return (Piece(f"with {who} as {_join_with_or([ROLES[value] for value in values])}"),)


def _raw_piece(element: xml.Element) -> Piece:
    return Piece(xml.write(element).strip(), is_raw=True)
