"""The demo: its people, "Start over", and the supervisor of its processes."""
