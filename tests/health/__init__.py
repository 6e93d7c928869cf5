"""Tests of `syncapp/health/`."""
