"""Protocols to the outside."""
