"""Tests of `syncapp/crm/rate_limit/`."""
