"""Screens of the settings: review, rules, mails, people, connection, file."""
