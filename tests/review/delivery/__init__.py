"""Tests of `syncapp/review/delivery/`."""
