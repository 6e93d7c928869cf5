"""Tests of `syncapp/sync_filters/policies/`."""
