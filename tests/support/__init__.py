"""Support code shared by several kinds of tests."""
