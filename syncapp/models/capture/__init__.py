"""Contact changes read from the CRM's audit log, and what capture does about them."""
