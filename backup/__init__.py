"""Backups that restore. Knows neither the portal nor Django."""
