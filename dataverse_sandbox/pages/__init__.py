"""The sandbox's own pages: Outlook, overview, and the frame that they share. Plain HTML that works without scripts."""
