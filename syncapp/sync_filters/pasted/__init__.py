"""The parsing of pasted and uploaded text about users: its characters, its rows, and the people named in them.

This package does not know the CRM's users; `mirror/directory/user_matching.py` matches each text with them.
"""
