"""Tests of filters: inventory, runs, policies, commands."""
