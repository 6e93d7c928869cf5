"""Tests of `syncapp/crm/values/`."""
