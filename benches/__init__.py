"""Benchmarks: `python -m benches [NAME ...]`; `python -m benches --help` lists the names.

Most figures are compared with a reference that is measured in the same process right before or after, in several
rounds, so that a busy machine slows both. docs/performance.md has the figures and their meaning.
"""
