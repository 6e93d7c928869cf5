"""A T-SQL script for CRMs on premises, where the API cannot switch filters of other users."""
