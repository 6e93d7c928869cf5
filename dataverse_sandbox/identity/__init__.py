"""The stand-in for Microsoft's sign-in: access tokens, the authorize page, ID tokens and their keys."""
