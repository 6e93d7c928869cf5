"""Filters: inventory, plans, runs."""
