"""CRM → users, teams, mailboxes and names of editors."""
