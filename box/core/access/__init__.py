"""Principals, audiences, and who sees what."""
