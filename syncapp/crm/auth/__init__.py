"""Tokens for the application, sign-in of users, and verification of ID tokens."""
