"""Users, teams, business units and mailboxes of the CRM."""
