"""Tests of `syncapp/web/sign_in/`."""
