"""Tests of `syncapp/sync_filters/on_premises/`."""
