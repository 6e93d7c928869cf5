"""Realistic data, the same for the same seed: users, companies, contacts, and edits waiting for review.

Ids, names and values depend on the seed alone. Times are counted backwards from `base`, the minute of the reset unless
it is given, so that a demo started today shows edits of the last days.
"""

from __future__ import annotations

from dataverse_sandbox.seed.filling import reset

__all__ = ["reset"]
