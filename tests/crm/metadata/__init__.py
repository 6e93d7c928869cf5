"""Tests of `syncapp/crm/metadata/`."""
