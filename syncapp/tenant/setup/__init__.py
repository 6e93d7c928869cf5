"""The setup of a CRM for the portal, and its removal, with an administrator's sign-in.

Compares first, and stops before the first write if a name already has another meaning. Each item is one write, so
that an interrupted command continues where it stopped.
"""
