"""Tests of `syncapp/review/rules/`."""
