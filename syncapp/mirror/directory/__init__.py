"""The mirror of the CRM's users, teams, mailboxes and names of editors."""
