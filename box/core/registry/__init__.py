"""What apps offer each other without knowing who answers."""
