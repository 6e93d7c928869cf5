"""Tests of `syncapp/sync_filters/fetch_words/`."""
