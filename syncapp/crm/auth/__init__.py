"""Tokens for the application, sign-in for users, and verification of ID tokens."""
