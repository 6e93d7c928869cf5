"""Detection of paged reads that repeat a page or never end."""

from __future__ import annotations

from syncapp.crm.errors import ProtocolError

ENDLESS = "endless_pages"
MAX_PAGES = 20_000


class PageChain:
    """The links followed so far. For a chain that continues a stored one, `pages` counts the pages read before."""

    def __init__(self, *, pages: int = 0, max_pages: int = MAX_PAGES) -> None:
        self._pages, self._max_pages = pages, max_pages
        self._followed: set[str] = set()

    def follow(self, link: str) -> str:
        """Return `link`. Raises ProtocolError if it was followed before, or after too many pages."""
        self._pages += 1
        if link in self._followed or self._pages > self._max_pages:
            raise ProtocolError("The CRM's list of pages does not end.", code=ENDLESS)
        self._followed.add(link)
        return link
