"""The time zones that people can choose: one name per place, with old names mapped to current ones."""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

UTC = "UTC"
MAX_NAME_LENGTH = 64
# Files of the zone database that are not time zones.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of this name; UTC if the name is unknown."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return ZoneInfo(UTC)


@cache
def choices() -> tuple[tuple[str, str], ...]:
    """Return the zones to choose from, one for each place in the zone table, each with its country."""
    countries = dict(line.split("\t")[:2] for line in _lines("iso3166.tab"))
    rows = [line.split("\t") for line in _lines("zone.tab")]
    places = sorted((name, countries.get(country, "")) for country, _, name, *_ in rows if name in _all_names())
    fallback = ((name, "") for name in sorted(_all_names()) if "/" in name and not name.startswith("Etc/"))
    return ((UTC, ""), *(places or fallback))


def find(text: str) -> str:
    """Return the zone with this name or place ("Europe/Berlin", "berlin"), '' if there is none."""
    wanted = text.strip()[:MAX_NAME_LENGTH].replace(" ", "_").casefold()
    exact = next((name for name in _all_names() if name.casefold() == wanted), "")
    if exact:
        return _current_names().get(exact, exact)
    places = {name for name, _ in choices() if name.rpartition("/")[2].casefold() == wanted}
    return places.pop() if len(places) == 1 else ""


@cache
def _all_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _NOT_ZONES)


@cache
def _current_names() -> dict[str, str]:
    """Return the current name of each old name: Asia/Calcutta ─▶ Asia/Kolkata."""
    offered = {name for name, _ in choices()}
    links = (line.split() for line in _lines("tzdata.zi") if line.startswith("L "))
    return {"Etc/UTC": UTC} | {old: new for _, new, old in links if old not in offered and new in offered}


def _lines(name: str) -> list[str]:
    """Return the lines of a table of the zone database, from the system or else from Python's tzdata; or []."""
    found = [folder / name for folder in map(Path, zoneinfo.TZPATH) if (folder / name).is_file()]
    try:
        table = found[0] if found else resources.files("tzdata") / "zoneinfo" / name
        text = table.read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        return []
    return [line for line in text.splitlines() if line and not line.startswith("#")]
