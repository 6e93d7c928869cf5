"""FetchXML of Outlook filters described in sentences."""
