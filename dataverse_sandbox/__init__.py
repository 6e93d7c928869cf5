"""A local stand-in for what the portal needs of Microsoft's cloud: Dataverse, sign-in, Outlook.

Runs as a process of its own with its own SQLite file and imports nothing of the portal.
"""
