"""Tests of `syncapp/mirror/directory/`."""
