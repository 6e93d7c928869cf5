"""Screens of the settings: review, rules, capture, people, mails, connection and file, with their forms."""
