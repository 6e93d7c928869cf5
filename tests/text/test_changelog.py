"""The newest release of a changelog as plain text."""

from __future__ import annotations

from syncapp.text import changelog
from syncapp.text.changelog import Section

TEXT = """# Changelog

For whom it is.

## Unreleased

Before the upgrade ([docs](docs/how-to/upgrades.md)):

- Set `OTHER_HOSTS`.

### Added

Review

- **Search** finds <b>words</b>
  of names.
- Keys.

### Fixed

- Locks.

## 0.1.0

- First.
"""


def test_newest_release_is_read_without_markup() -> None:
    assert changelog.newest_release(TEXT) == (
        "Unreleased",
        [
            Section("", "Before the upgrade (docs):", ["Set OTHER_HOSTS."]),
            Section("Added", "Review", ["Search finds <b>words</b> of names.", "Keys."]),
            Section("Fixed", "", ["Locks."]),
        ],
    )


def test_empty_changelog_has_no_release() -> None:
    assert changelog.newest_release("# Changelog\n") == ("", [])
