"""Tests of `syncapp/web/review/`."""
