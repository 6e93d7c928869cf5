"""Sign-in, session limits, and the demo's start page."""
