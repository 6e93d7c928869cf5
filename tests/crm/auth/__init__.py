"""Tests of `syncapp/crm/auth/`."""
