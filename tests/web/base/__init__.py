"""Tests of `syncapp/web/base/`."""
