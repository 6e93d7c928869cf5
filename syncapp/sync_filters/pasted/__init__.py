"""The reader for pasted and uploaded text about users: a file's characters, its rows, the people in them.

It knows nothing of the CRM's users; `sync_filters/inventory/user_lists.py` matches each text with users.
"""
