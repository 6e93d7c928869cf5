"""Faults around the portal: connections cut, silent or refused, processes killed, clocks shifted, disks full.

Verified with the sandbox's ledger and the portal's rows; times are asserted loosely, since machines differ.
"""
