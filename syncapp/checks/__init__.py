"""Django system checks of the settings, the hosts and the installation.

Processes do not start while a check reports an error (portal/startup.py).
"""
