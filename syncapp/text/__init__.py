"""Text without the database: invisible characters, escaping for each destination, locales, time zones.

Imports nothing of the project.
"""
