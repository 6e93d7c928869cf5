"""The base class of jobs, and the row of each periodic task."""
