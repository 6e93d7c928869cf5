"""Differences between two values of a field, in words and marked text."""
