"""The database's history. Each migration is safe while the previous release runs (docs/how-to/upgrades.md)."""

# The newest migration of the release before this one: change it whenever CHANGELOG.md dates a version.
PREVIOUS_RELEASE = "0027_definitions_version"
