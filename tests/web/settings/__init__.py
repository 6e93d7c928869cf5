"""Tests of `syncapp/web/settings/`."""
