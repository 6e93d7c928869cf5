"""CRM → our tables: staged edits, their editors, the contacts' columns.

Writes only what the CRM owns; decisions belong to `review`.
"""
