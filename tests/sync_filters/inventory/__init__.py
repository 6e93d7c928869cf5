"""Tests of `syncapp/sync_filters/inventory/`."""
