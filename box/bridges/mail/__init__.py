"""Mail to the outside."""
