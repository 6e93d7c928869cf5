"""Tests of `syncapp/web/filters/`."""
