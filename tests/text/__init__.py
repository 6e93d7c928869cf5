"""Tests of `syncapp/text/`."""
