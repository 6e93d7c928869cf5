"""Rules that decide edits: editing, simulation and shadow, runs, and pausing when people undo them."""
