"""The part of a run's list that a URL selects: tab, group, search, and the start of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from syncapp.models.sync_filters.run import Plan
from syncapp.sync_filters.runs.held_groups import HeldGroup
from syncapp.sync_filters.runs.parts import Part
from syncapp.web.base import parameters

_MAX_SEARCH_LENGTH = 200


@dataclass(frozen=True, slots=True)
class PreviewParams:
    """The part to show. `tab`: a plan or a part, '' for the default. `asks`: ask whether to release the group."""

    tab: str = ""
    group: HeldGroup | None = None
    search: str = ""
    after: int | None = None
    asks: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str]) -> PreviewParams:
        """Read the parameters of an address; an invalid value counts as not given."""
        tab, group = query.get("part", ""), query.get("group", "")
        return cls(
            tab if tab in Plan.values or tab in Part.values else "",
            HeldGroup(group) if group in HeldGroup.values else None,
            query.get("q", "")[:_MAX_SEARCH_LENGTH].strip(),
            parameters.whole_number(query.get("after", "")),
            "release" in query,
        )

    def query(self, **changes: Any) -> str:
        """Return the query string with these changes, '' or beginning with a question mark."""
        new = replace(self, **changes)
        values = {
            "part": new.tab,
            "group": new.group.value if new.group else "",
            "q": new.search,
            "after": "" if new.after is None else str(new.after),
            "release": "ask" if new.asks else "",
        }
        given = {name: value for name, value in values.items() if value}
        return f"?{urlencode(given)}" if given else ""
