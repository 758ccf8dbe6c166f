"""Roles: what they allow and who holds them."""
