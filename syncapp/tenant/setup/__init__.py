"""The setup of a CRM for the portal, and its removal, with an administrator's sign-in.

Compares first, and stops before the first write if a name is already used for something else. Each item is one write,
so an interrupted command can continue where it stopped.
"""
