"""Rules that decide edits: editing, simulation and shadow mode, runs, and the automatic pause."""
