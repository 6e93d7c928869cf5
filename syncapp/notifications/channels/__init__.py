"""Channels: the services that deliver notifications, one folder each. They know nothing of rows, people or Django.

A new channel is one folder like `smtp`, which exports a `ChannelType`, and its name in `registry.py`. Its environment
variables are read in `portal/settings.py`.
"""
