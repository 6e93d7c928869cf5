"""The audit log: a permanent row with keyed digests for every event, and values that can be erased.

`record` and `record_all` are its only writers.
"""

from __future__ import annotations

from syncapp.audit.log import Fact, digest, record, record_all, seal

__all__ = ["Fact", "digest", "record", "record_all", "seal"]
