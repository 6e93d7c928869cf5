"""Tests of `syncapp/mirror/edits/`."""
