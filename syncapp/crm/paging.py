"""Reads of lists that the CRM returns in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from syncapp.crm import odata
from syncapp.crm.deadline import Deadline
from syncapp.crm.page_chain import PageChain
from syncapp.crm.staging.records import Unreadable
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import read_all

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """One page of a list; `next_link` is '' on the last one, `unreadable` has the rows without a readable id."""

    rows: tuple[Record, ...]
    next_link: str
    unreadable: tuple[Unreadable, ...] = ()


def read_page(
    transport: Transport,
    path: str,
    read: Callable[[odata.Row], Record],
    *,
    link: str,
    page_size: int,
    deadline: Deadline | None,
) -> Page[Record]:
    """Return the page behind `link`, or the first one of `path` if `link` is ''. Its `next_link` may be stored."""
    headers = odata.preferences(page_size=page_size)
    if link:
        payload = transport.follow(link, headers=headers, deadline=deadline)
    else:
        payload = transport.get(path, headers=headers, deadline=deadline)
    rows, unreadable = read_all(odata.collection(payload), read)
    return Page(rows, transport.check_link(odata.link(payload, "@odata.nextLink")), unreadable)


def rows_of_all_pages(
    transport: Transport,
    payload: odata.Row,
    *,
    headers: Mapping[str, str] | None,
    deadline: Deadline | None = None,
) -> list[odata.Row]:
    """Return the rows of a first page and of all that follow. Raises ProtocolError if the pages do not end."""
    rows = odata.collection(payload)
    chain = PageChain()
    while link := odata.link(payload, "@odata.nextLink"):
        payload = transport.follow(chain.follow(link), headers=headers, deadline=deadline)
        rows += odata.collection(payload)
    return rows
