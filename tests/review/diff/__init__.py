"""Tests of `syncapp/review/diff/`."""
