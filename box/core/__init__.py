"""What every app stands on, in the order of architecture.md."""
