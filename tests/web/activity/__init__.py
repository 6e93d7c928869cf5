"""Tests of `syncapp/web/activity/`."""
