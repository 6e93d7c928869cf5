"""Pages and forms: access, fetch, form, one domain call, one response."""
