"""Tests of `syncapp/outbox/`."""
