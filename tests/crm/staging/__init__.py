"""Tests of `syncapp/crm/staging/`."""
