"""A T-SQL script for on-premises CRMs, whose API cannot switch filters of other users."""
