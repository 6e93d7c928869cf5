"""Tests of `syncapp/checks/`."""
