"""Screens of filters: the matrix, a user, plans, runs, policies, lists, risk, system filters."""
