"""Outlook filters (`userquery` rows): reading, evaluating and switching them, and the access that this needs."""
