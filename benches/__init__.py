"""How fast it is, as ratios within one run: `python -m benches [mirror queue deliver decide machine crash]`.

Each figure stands beside a yardstick that was measured in the same process a moment before or after it, several rounds
each, so that a busy machine slows both. Figures and what they mean: docs/performance.md.
"""
