"""Tests of `syncapp/crm/filters/`."""
