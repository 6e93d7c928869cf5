"""A local stand-in for the parts of Microsoft's cloud that the portal uses: Dataverse, sign-in, Outlook.

Runs as a process of its own with its own SQLite file and imports nothing of the portal.
"""
