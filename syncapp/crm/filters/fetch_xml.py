"""FetchXML: what a filter selects, asked as a count or page by page ("Use FetchXML to query data").

The filter's conditions stay exactly as they are; only what is returned changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from syncapp.crm import odata, xml
from syncapp.crm.errors import ProtocolError

# The name under which a count comes back.
FOUND = "found"
LARGEST_PAGE = 5000

_RETURNED = ("attribute", "all-attributes", "no-attrs", "order")
_ACTIVITIES = frozenset(
    {
        "appointment",
        "email",
        "fax",
        "letter",
        "phonecall",
        "recurringappointmentmaster",
        "serviceappointment",
        "task",
    }
)


def key_of(table: str) -> str:
    """A table's primary key by the CRM's own naming; activities share one."""
    return "activityid" if table in _ACTIVITIES else f"{odata.identifier(table)}id"


def counting(fetch_xml: str, *, table: str) -> str:
    """The same question, answered by a number: each row once, whatever it is linked with."""
    root, entity = _bare(fetch_xml, table)
    root.attrib["aggregate"] = "true"
    attributes = {"name": key_of(table), "alias": FOUND, "aggregate": "countcolumn", "distinct": "true"}
    entity.insert(0, xml.Element("attribute", attributes))
    return xml.write(root)


def listing(
    fetch_xml: str, *, table: str, columns: Sequence[str], page: int = 1, size: int = LARGEST_PAGE, cookie: str = ""
) -> str:
    """The same question, answered by a page of rows with the key and `columns`, each row once.

    Ordered by the key, so that pages do not overlap while rows come and go ("Page results using FetchXML").
    """
    root, entity = _bare(fetch_xml, table)
    root.attrib |= {"distinct": "true", "count": str(size), "page": str(page)}
    if cookie:
        root.attrib["paging-cookie"] = cookie
    wanted = dict.fromkeys([key_of(table), *(odata.identifier(column) for column in columns)])
    for place, column in enumerate(wanted):
        entity.insert(place, xml.Element("attribute", {"name": column}))
    entity.insert(len(wanted), xml.Element("order", {"attribute": key_of(table)}))
    return xml.write(root)


def next_cookie(annotation: str) -> str:
    """The paging cookie out of the annotation that carries it, which encodes it twice."""
    encoded = xml.parse(annotation).get("pagingcookie", "") if annotation else ""
    return unquote(unquote(encoded))


def _bare(fetch_xml: str, table: str) -> tuple[xml.Element, xml.Element]:
    """The query without what it returns, in which order, and how much of it."""
    root = xml.parse(fetch_xml)
    entity = root.find("entity")
    if root.tag != "fetch" or entity is None or entity.get("name") != table:
        raise ProtocolError(f"A filter's FetchXML is not about {table}.", code="fetchxml")
    root.attrib.clear()
    for element in entity.iter():
        if element.tag in ("entity", "link-entity"):
            for returned in [child for child in element if child.tag in _RETURNED]:
                element.remove(returned)
    return root, entity


# When a meeting is over: for a series, when its last occurrence is; one without an end never is.
_STILL_TO_COME = {
    "appointment": ("scheduledstart", '<condition attribute="scheduledstart" operator="gt" value="{after}"/>'),
    "serviceappointment": ("scheduledstart", '<condition attribute="scheduledstart" operator="gt" value="{after}"/>'),
    "recurringappointmentmaster": (
        "patternstartdate",
        '<filter type="or"><condition attribute="patternenddate" operator="gt" value="{after}"/>'
        '<condition attribute="patternenddate" operator="null"/></filter>',
    ),
}
MEETINGS = tuple(_STILL_TO_COME)


def organized_meetings(table: str, *, organizer: str, after: str) -> str:
    """One row for each person invited to a meeting to come of this organizer, with the meeting's facts.

    `participationtypemask`: 5 required, 6 optional, 7 organizer ("ActivityParty").
    """
    starts, still_to_come = _STILL_TO_COME[table]
    return (
        f'<fetch count="{LARGEST_PAGE}" page="1"><entity name="activityparty">'
        '<attribute name="activitypartyid"/>'
        '<filter><condition attribute="participationtypemask" operator="in"><value>5</value><value>6</value>'
        "</condition></filter>"
        f'<link-entity name="{table}" from="activityid" to="activityid" link-type="inner" alias="meeting">'
        '<attribute name="activityid" alias="meeting_id"/><attribute name="subject" alias="meeting_subject"/>'
        f'<attribute name="{starts}" alias="meeting_starts"/>'
        '<filter><condition attribute="statecode" operator="in"><value>0</value><value>3</value></condition>'
        f"{still_to_come.format(after=after)}</filter>"
        '<link-entity name="activityparty" from="activityid" to="activityid" link-type="inner" alias="organizer">'
        '<filter><condition attribute="participationtypemask" operator="eq" value="7"/>'
        f'<condition attribute="partyid" operator="eq" value="{organizer}"/></filter>'
        "</link-entity></link-entity></entity></fetch>"
    )
