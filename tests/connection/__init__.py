"""Tests of `syncapp/connection/`."""
