"""What each mail says, and its headers, text and HTML."""
