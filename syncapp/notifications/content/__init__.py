"""The content of each mail, and its headers, text and HTML."""
