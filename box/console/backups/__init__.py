"""The console's page about backups: how they are, and what can be restored."""
