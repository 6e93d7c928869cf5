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
from syncapp.sync_filters.fetch_words.vocabulary import ABOUT, ROLES, TABLES, column_of, operator_of, value_of

_SAYS_NOTHING = ("attribute", "all-attributes", "no-attrs", "order")
_OF_THE_ANSWER = frozenset({"version", "mapping", "output-format", "distinct", "no-lock", "returntotalrecordcount"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence; `is_raw` if it is FetchXML that could not be put into words."""

    text: str
    is_raw: bool = False


Words = tuple[Piece, ...]


def describe(fetch_xml: str, *, who: str) -> Words:
    """Describe what the filter selects when evaluated for `who`, as a sentence without a full stop."""
    try:
        root = xml.parse(fetch_xml)
    except ProtocolError:
        return (Piece("Something that cannot be read:"), Piece(fetch_xml[:500], is_raw=True))
    entity = root.find("entity")
    if root.tag != "fetch" or entity is None:
        return (_raw(root),)
    return _sentence(root, entity, who)


def _sentence(root: xml.Element, entity: xml.Element, who: str) -> Words:
    name = entity.get("name", "")
    parts = _describe_parts(entity, name, who)
    plural = TABLES.get(name, name)
    words = [Piece(plural if parts else f"All {plural.lower()}"), *_join(parts, last=", and")]
    limits = {key: value for key, value in root.attrib.items() if key not in _OF_THE_ANSWER}
    if limits:
        words.append(Piece(" ".join(f'{key}="{value}"' for key, value in limits.items()), is_raw=True))
    return tuple(words)


def as_text(words: Words) -> str:
    """Return the pieces as one text."""
    text = " ".join(piece.text for piece in words)
    return text.replace(" ,", ",").replace("( ", "(").replace(" )", ")")


def merge_pieces(words: Words) -> Words:
    """Merge neighboring pieces of plain text, for a page."""
    found: list[Piece] = []
    for is_raw, pieces in groupby(words, key=lambda piece: piece.is_raw):
        found.append(Piece(as_text(tuple(pieces)), is_raw))
    return tuple(found)


def _describe_parts(element: xml.Element, table: str, who: str) -> list[Words]:
    """Describe each part of a table's element; parts that say nothing are left out."""
    parts = [child for child in element if child.tag not in _SAYS_NOTHING]
    return [words for child in parts if (words := _describe_part(child, table, who))]


def _describe_part(child: xml.Element, table: str, who: str) -> Words:
    if child.tag == "filter" and set(child.attrib) <= {"type"}:
        return _describe_filter(child, table, who)
    if child.tag == "condition":
        return _describe_condition(child, table, who)
    if child.tag == "link-entity":
        return _describe_link(child, who)
    return (_raw(child),)


def _describe_filter(element: xml.Element, table: str, who: str) -> Words:
    parts = [_with_parentheses(words) for words in _describe_parts(element, table, who)]
    if element.get("type", "and") == "and" or len(parts) < 2:
        return tuple(_join(parts, last=" and", between=" and"))
    return (Piece("either"), *_join(parts, last=" or", between=" or"))


def _with_parentheses(words: Words) -> Words:
    """Put several conditions in parentheses, so that "a and either b or c and d" cannot be misread."""
    if not any(piece.text in ("and", "or") for piece in words if not piece.is_raw):
        return words
    return (Piece("("), *words, Piece(")"))


def _join(parts: Sequence[Words], *, last: str, between: str = ",") -> list[Piece]:
    found: list[Piece] = []
    for place, words in enumerate(parts):
        if place:
            glue = last if place == len(parts) - 1 else between
            found += [Piece(glue.strip()) if glue.startswith(" ") else Piece(glue)]
        found += words
    return found


def _describe_condition(element: xml.Element, table: str, who: str) -> Words:
    values = _values(element)
    if values is None or set(element.attrib) - {"attribute", "operator", "value", "uiname", "uitype"}:
        return (_raw(element),)
    name, operator = element.get("attribute", ""), element.get("operator", "")
    text = _about_people(name, operator, values, who)
    text = text or dates.date_words(table, name, operator, values) or _compared(table, name, operator, values)
    return (Piece(text),) if text else (_raw(element),)


def _values(element: xml.Element) -> list[str] | None:
    """Return the values compared with, preferring stored labels; None if they have another form."""
    if any(child.tag != "value" or set(child.attrib) - {"uiname", "uitype"} for child in element):
        return None
    several = [child.get("uiname") or (child.text or "").strip() for child in element]
    own = element.get("uiname") or element.get("value")
    return several if several else [own] if own is not None else []


def _about_people(name: str, operator: str, values: Sequence[str], who: str) -> str:
    person = ABOUT.get(operator, "").format(who=who)
    if not person or values:
        return ""
    if name == "ownerid" and not operator.startswith("ne-"):
        return f"owned by {person}"
    return f"whose {column_of(name)} is {person}"


def _compared(table: str, name: str, operator: str, values: Sequence[str]) -> str:
    phrase = operator_of(operator, len(values))
    if not phrase or not name:
        return ""
    words = [value_of(table, name, value) for value in values]
    return f"whose {column_of(name)} {phrase.format(*words, all=_join_with_or(words))}"


def _join_with_or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _describe_link(element: xml.Element, who: str) -> Words:
    """Describe a link to another table; an outer link without conditions selects nothing."""
    kind = element.get("link-type", "inner")
    if set(element.attrib) - {"name", "from", "to", "alias", "link-type", "visible", "intersect"}:
        return (_raw(element),)
    name = element.get("name", "")
    if kind == "outer" and not any(child.tag in ("filter", "link-entity") for child in element):
        return ()
    if kind not in ("inner", "natural"):
        return (_raw(element),)
    participation = _describe_participation(element, who)
    if participation:
        return participation
    lead = Piece(f"with {TABLES.get(name, name).lower()} (by {element.get('to', '')})")
    return (lead, *_join(_describe_parts(element, name, who), last=" and", between=" and"))


def _describe_participation(element: xml.Element, who: str) -> Words:
    """Describe the usual link to an activity's parties ("ActivityParty", participationtypemask)."""
    conditions = list(element.iter("condition"))
    plain = [child for child in element.iter() if child.tag not in ("condition", "value", "filter", *_SAYS_NOTHING)]
    has_or = any(each.tag == "filter" and each.get("type", "and") != "and" for each in element.iter())
    if element.get("name") != "activityparty" or plain != [element] or has_or:
        return ()
    by_name = {found.get("attribute"): found for found in conditions}
    me, role = by_name.pop("partyid", None), by_name.pop("participationtypemask", None)
    if me is None or me.get("operator") != "eq-userid" or by_name or len(conditions) > 2:
        return ()
    roles = _roles(role)
    if roles is None:
        return ()
    return (Piece(f"with {who} as {_join_with_or(roles)}" if roles else f"in which {who} takes part"),)


def _roles(condition: xml.Element | None) -> list[str] | None:
    if condition is None:
        return []
    values = _values(condition) or []
    known = condition.get("operator") in ("eq", "in") and values and all(value in ROLES for value in values)
    return [ROLES[value] for value in values] if known else None


def _raw(element: xml.Element) -> Piece:
    return Piece(xml.write(element).strip(), is_raw=True)
