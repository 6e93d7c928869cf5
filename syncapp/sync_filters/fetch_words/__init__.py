"""FetchXML of an Outlook filter as sentences."""
