"""Setting up a CRM for the portal, and taking everything out again, with an administrator's sign-in.

Compares first and stops before the first write where a name is taken with another meaning. Each item is one write, so
that a command that was cut continues where it stopped.
"""
