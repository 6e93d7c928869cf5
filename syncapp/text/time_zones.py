"""The time zones that people choose from: one name per place, old names folded into today's."""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

UTC = "UTC"
LONGEST_NAME = 64
# Files of the zone database that are no places.
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of this name; UTC where the name is unknown."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return ZoneInfo(UTC)


@cache
def choices() -> tuple[tuple[str, str], ...]:
    """Return the zones to choose from, each with its country: one per place that keeps a time of its own."""
    countries = dict(line.split("\t")[:2] for line in _lines("iso3166.tab"))
    rows = [line.split("\t") for line in _lines("zone.tab")]
    places = sorted((name, countries.get(country, "")) for country, _, name, *_ in rows if name in _all())
    usual = ((name, "") for name in sorted(_all()) if "/" in name and not name.startswith("Etc/"))
    return ((UTC, ""), *(places or usual))


def find(text: str) -> str:
    """Return the zone that was typed, by its name or its place: "Europe/Berlin", "berlin"; '' if there is none."""
    wanted = text.strip()[:LONGEST_NAME].replace(" ", "_").casefold()
    exact = next((name for name in _all() if name.casefold() == wanted), "")
    if exact:
        return _present_names().get(exact, exact)
    places = {name for name, _ in choices() if name.rpartition("/")[2].casefold() == wanted}
    return places.pop() if len(places) == 1 else ""


@cache
def _all() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _NO_ZONES)


@cache
def _present_names() -> dict[str, str]:
    """Old name ─▶ today's, for those that no choice has: Asia/Calcutta ─▶ Asia/Kolkata."""
    offered = {name for name, _ in choices()}
    links = (line.split() for line in _lines("tzdata.zi") if line.startswith("L "))
    return {"Etc/UTC": UTC} | {old: new for _, new, old in links if old not in offered and new in offered}


def _lines(name: str) -> list[str]:
    """Return the lines of a table of the zone database, of the system's or else of Python's own; empty without one."""
    found = [folder / name for folder in map(Path, zoneinfo.TZPATH) if (folder / name).is_file()]
    try:
        table = found[0] if found else resources.files("tzdata") / "zoneinfo" / name
        text = table.read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        return []
    return [line for line in text.splitlines() if line and not line.startswith("#")]
