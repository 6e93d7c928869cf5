"""Django system checks of the settings, the hosts and the installation.

Every process refuses to start while one of them fails (portal/startup.py).
"""
