"""Screens of the settings: review, rules, mails, people, connection and file, with their forms."""
