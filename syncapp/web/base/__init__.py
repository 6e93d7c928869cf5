"""Shared by all screens: access, page layout, /healthz, error pages, parsing of parameters, charts, CSV."""
