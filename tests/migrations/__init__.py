"""Migrations of databases that hold rows of every kind."""
