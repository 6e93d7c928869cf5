"""Decisions, deliveries, rules, selections, comments."""
