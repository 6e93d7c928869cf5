"""A local stand-in for the parts of Microsoft's cloud that the portal uses: Dataverse, sign-in, Outlook.

Runs as a separate process with its own SQLite file and imports nothing of the portal.
"""
