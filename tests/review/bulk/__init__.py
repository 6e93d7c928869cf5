"""Tests of `syncapp/review/bulk/`."""
