"""Workgroups: people who do something together, across departments and with outside guests."""
