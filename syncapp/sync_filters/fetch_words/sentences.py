"""FetchXML in plain words: what a filter selects, as one would say it of a user ("FetchXml reference").

What is not known here is not guessed: its piece of FetchXML stands in the sentence as it is, marked as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """A part of a sentence; `is_raw` where it is FetchXML that nobody put into words."""

    text: str
    is_raw: bool = False


Words = tuple[Piece, ...]


def words_of(fetch_xml: str, *, who: str) -> Words:
    """What the filter selects when it is asked in the name of `who`, as a sentence without its full stop."""
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
    said = _said(entity, name, who)
    plural = TABLES.get(name, name)
    words = [Piece(plural if said else f"All {plural.lower()}"), *_joined(said, last=", and")]
    limits = {key: value for key, value in root.attrib.items() if key not in _OF_THE_ANSWER}
    if limits:
        words.append(Piece(" ".join(f'{key}="{value}"' for key, value in limits.items()), is_raw=True))
    return tuple(words)


def text_of(words: Words) -> str:
    """The same as one text."""
    text = " ".join(piece.text for piece in words)
    return text.replace(" ,", ",").replace("( ", "(").replace(" )", ")")


def runs_of(words: Words) -> Words:
    """The same with neighbouring pieces of plain text put together, for a page."""
    found: list[Piece] = []
    for is_raw, pieces in groupby(words, key=lambda piece: piece.is_raw):
        found.append(Piece(text_of(tuple(pieces)), is_raw))
    return tuple(found)


def _said(element: xml.Element, table: str, who: str) -> list[Words]:
    """What each part of a table's element says; what says nothing is left out."""
    parts = [child for child in element if child.tag not in _SAYS_NOTHING]
    return [words for child in parts if (words := _part(child, table, who))]


def _part(child: xml.Element, table: str, who: str) -> Words:
    if child.tag == "filter" and set(child.attrib) <= {"type"}:
        return _filter(child, table, who)
    if child.tag == "condition":
        return _condition(child, table, who)
    if child.tag == "link-entity":
        return _link(child, who)
    return (_raw(child),)


def _filter(element: xml.Element, table: str, who: str) -> Words:
    said = [_bracketed(words) for words in _said(element, table, who)]
    if element.get("type", "and") == "and" or len(said) < 2:
        return tuple(_joined(said, last=" and", between=" and"))
    return (Piece("either"), *_joined(said, last=" or", between=" or"))


def _bracketed(words: Words) -> Words:
    """Several conditions in one, so that nobody reads "a and either b or c and d" in two ways."""
    if not any(piece.text in ("and", "or") for piece in words if not piece.is_raw):
        return words
    return (Piece("("), *words, Piece(")"))


def _joined(said: Sequence[Words], *, last: str, between: str = ",") -> list[Piece]:
    found: list[Piece] = []
    for place, words in enumerate(said):
        if place:
            glue = last if place == len(said) - 1 else between
            found += [Piece(glue.strip()) if glue.startswith(" ") else Piece(glue)]
        found += words
    return found


def _condition(element: xml.Element, table: str, who: str) -> Words:
    values = _values(element)
    if values is None or set(element.attrib) - {"attribute", "operator", "value", "uiname", "uitype"}:
        return (_raw(element),)
    name, operator = element.get("attribute", ""), element.get("operator", "")
    say = next((say for say in _WAYS if say(table, name, operator, values, who)), None)
    text = say(table, name, operator, values, who) if say else ""
    return (Piece(text),) if text else (_raw(element),)


def _values(element: xml.Element) -> list[str] | None:
    """What is compared with, by the label that was kept with it; None for what has no such form."""
    if any(child.tag != "value" or set(child.attrib) - {"uiname", "uitype"} for child in element):
        return None
    several = [child.get("uiname") or (child.text or "").strip() for child in element]
    own = element.get("uiname") or element.get("value")
    return several if several else [own] if own is not None else []


def _about_people(table: str, name: str, operator: str, values: Sequence[str], who: str) -> str:
    whom = ABOUT.get(operator, "").format(who=who)
    if not whom or values:
        return ""
    if name == "ownerid" and not operator.startswith("ne-"):
        return f"owned by {whom}"
    return f"whose {column_of(name)} is {whom}"


def _in_time(table: str, name: str, operator: str, values: Sequence[str], who: str) -> str:
    return dates.date_words(table, name, operator, values)


def _compared(table: str, name: str, operator: str, values: Sequence[str], who: str) -> str:
    phrase = operator_of(operator, len(values))
    if not phrase or not name:
        return ""
    shown = [value_of(table, name, value) for value in values]
    return f"whose {column_of(name)} {phrase.format(*shown, all=_or(shown))}"


def _or(shown: Sequence[str]) -> str:
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


_WAYS: tuple[Callable[[str, str, str, Sequence[str], str], str], ...] = (_about_people, _in_time, _compared)


def _link(element: xml.Element, who: str) -> Words:
    """What rows of another table have to do with it; an outer link without a condition asks nothing."""
    kind = element.get("link-type", "inner")
    if set(element.attrib) - {"name", "from", "to", "alias", "link-type", "visible", "intersect"}:
        return (_raw(element),)
    name = element.get("name", "")
    if kind == "outer" and not any(child.tag in ("filter", "link-entity") for child in element):
        return ()
    if kind not in ("inner", "natural"):
        return (_raw(element),)
    return _takes_part(element, who) or _linked(element, name, who)


def _linked(element: xml.Element, name: str, who: str) -> Words:
    said = _said(element, name, who)
    lead = Piece(f"with {TABLES.get(name, name).lower()} (by {element.get('to', '')})")
    return (lead, *_joined(said, last=" and", between=" and"))


def _takes_part(element: xml.Element, who: str) -> Words:
    """The usual link to the people of an activity ("ActivityParty", participationtypemask)."""
    conditions = list(element.iter("condition"))
    plain = [child for child in element.iter() if child.tag not in ("condition", "value", "filter", *_SAYS_NOTHING)]
    if element.get("name") != "activityparty" or plain != [element] or any(_is_or(each) for each in element.iter()):
        return ()
    by_name = {found.get("attribute"): found for found in conditions}
    me, role = by_name.pop("partyid", None), by_name.pop("participationtypemask", None)
    if me is None or me.get("operator") != "eq-userid" or by_name or len(conditions) > 2:
        return ()
    roles = _roles(role)
    return (
        (Piece(f"with {who} as {_or(roles)}" if roles else f"in which {who} takes part"),) if roles is not None else ()
    )


def _is_or(element: xml.Element) -> bool:
    return element.tag == "filter" and element.get("type", "and") != "and"


def _roles(condition: xml.Element | None) -> list[str] | None:
    if condition is None:
        return []
    values = _values(condition) or []
    known = condition.get("operator") in ("eq", "in") and values and all(value in ROLES for value in values)
    return [ROLES[value] for value in values] if known else None


def _raw(element: xml.Element) -> Piece:
    return Piece(xml.write(element).strip(), is_raw=True)
