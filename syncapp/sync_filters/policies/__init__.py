"""Policies that keep a group's filters in a desired state: editing, comparison, repair, conflicts."""
