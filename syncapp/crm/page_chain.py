"""Pages that follow each other by links: a chain that leads back, or that never ends, becomes an error."""

from __future__ import annotations

from syncapp.crm.errors import ProtocolError

ENDLESS = "endless_pages"
MOST_PAGES = 20_000


class PageChain:
    """The links that were followed so far; `pages` were read before, of a chain that goes on."""

    def __init__(self, *, pages: int = 0, most: int = MOST_PAGES) -> None:
        self._pages, self._most = pages, most
        self._followed: set[str] = set()

    def follow(self, link: str) -> str:
        """Return `link` where it leads on. Raises ProtocolError where it was followed before, or after too many."""
        self._pages += 1
        if link in self._followed or self._pages > self._most:
            raise ProtocolError("The CRM's list of pages does not end.", code=ENDLESS)
        self._followed.add(link)
        return link
