"""Benchmarks, as ratios within one run: `python -m benches [mirror queue deliver decide machine crash]`.

Each figure stands beside a yardstick measured in the same process right before or after it, in several
rounds, so that a busy machine slows both. Figures and their meaning: docs/performance.md.
"""
