"""Users, teams, business units and mailboxes of the CRM: reads, records, parsing."""
