"""Departments and who belongs to them."""
