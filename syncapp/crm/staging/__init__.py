"""The staging tables: edits and fields as records, change tracking, decisions written back."""
