"""Faults around the portal: each line cut, silent or refused, processes ended, clocks shifted, disks filled.

Judged by the sandbox's ledger and by the portal's rows; times are asserted loosely, since machines differ.
"""
