"""Text: hidden characters, escaping for each destination, ids, locales, time zones.

Imports nothing from the project.
"""
