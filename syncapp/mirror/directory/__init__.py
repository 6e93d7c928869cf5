"""CRM to users, teams, mailboxes and names of editors."""
