"""Support code that several kinds of test share; it knows nothing of what is tested."""
