"""Every write to calls."""
