"""FetchXML queries that count or list the rows of a filter ("Use FetchXML to query data").

The filter's conditions stay as they are; only the returned columns change.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from syncapp.crm import odata, xml
from syncapp.crm.errors import ProtocolError

# The alias of a count in the answer.
FOUND = "found"
MAX_PAGE_SIZE = 5000

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
    """Return a table's primary key by the CRM's naming rule; all activities share one."""
    return "activityid" if table in _ACTIVITIES else f"{odata.identifier(table)}id"


def count_query(fetch_xml: str, *, table: str) -> str:
    """Return the query that counts the filter's distinct rows."""
    root, entity = _without_columns(fetch_xml, table)
    root.attrib["aggregate"] = "true"
    attributes = {"name": key_of(table), "alias": FOUND, "aggregate": "countcolumn", "distinct": "true"}
    entity.insert(0, xml.Element("attribute", attributes))
    return xml.write(root)


def page_query(
    fetch_xml: str, *, table: str, columns: Sequence[str], page: int = 1, size: int = MAX_PAGE_SIZE, cookie: str = ""
) -> str:
    """Return the query for a page of the filter's distinct rows, with the key and `columns`.

    Rows are sorted by the key, so pages do not overlap if rows are added or deleted ("Page results using FetchXML").
    """
    root, entity = _without_columns(fetch_xml, table)
    root.attrib |= {"distinct": "true", "count": str(size), "page": str(page)}
    if cookie:
        root.attrib["paging-cookie"] = cookie
    wanted = dict.fromkeys([key_of(table), *(odata.identifier(column) for column in columns)])
    for place, column in enumerate(wanted):
        entity.insert(place, xml.Element("attribute", {"name": column}))
    entity.insert(len(wanted), xml.Element("order", {"attribute": key_of(table)}))
    return xml.write(root)


def next_cookie(annotation: str) -> str:
    """Return the paging cookie from its annotation, where it is encoded twice."""
    encoded = xml.parse(annotation).get("pagingcookie", "") if annotation else ""
    return unquote(unquote(encoded))


def _without_columns(fetch_xml: str, table: str) -> tuple[xml.Element, xml.Element]:
    """Return the query and its entity without columns, order or paging."""
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


# The start column and the condition for meetings that are not over; a series is over after its last occurrence.
_FUTURE = {
    "appointment": ("scheduledstart", '<condition attribute="scheduledstart" operator="gt" value="{after}"/>'),
    "serviceappointment": ("scheduledstart", '<condition attribute="scheduledstart" operator="gt" value="{after}"/>'),
    "recurringappointmentmaster": (
        "patternstartdate",
        '<filter type="or"><condition attribute="patternenddate" operator="gt" value="{after}"/>'
        '<condition attribute="patternenddate" operator="null"/></filter>',
    ),
}
MEETINGS = tuple(_FUTURE)


def organized_meetings(table: str, *, organizer: str, after: str) -> str:
    """Return the query for the attendees of an organizer's future meetings: one row each, with the meeting's facts.

    `participationtypemask`: 5 required, 6 optional, 7 organizer ("ActivityParty").
    """
    starts, future_condition = _FUTURE[table]
    return (
        f'<fetch count="{MAX_PAGE_SIZE}" page="1"><entity name="activityparty">'
        '<attribute name="activitypartyid"/>'
        '<filter><condition attribute="participationtypemask" operator="in"><value>5</value><value>6</value>'
        "</condition></filter>"
        f'<link-entity name="{table}" from="activityid" to="activityid" link-type="inner" alias="meeting">'
        '<attribute name="activityid" alias="meeting_id"/><attribute name="subject" alias="meeting_subject"/>'
        f'<attribute name="{starts}" alias="meeting_starts"/>'
        '<filter><condition attribute="statecode" operator="in"><value>0</value><value>3</value></condition>'
        f"{future_condition.format(after=after)}</filter>"
        '<link-entity name="activityparty" from="activityid" to="activityid" link-type="inner" alias="organizer">'
        '<filter><condition attribute="participationtypemask" operator="eq" value="7"/>'
        f'<condition attribute="partyid" operator="eq" value="{organizer}"/></filter>'
        "</link-entity></link-entity></entity></fetch>"
    )
