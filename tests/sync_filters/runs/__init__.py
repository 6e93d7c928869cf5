"""Tests of `syncapp/sync_filters/runs/`."""
