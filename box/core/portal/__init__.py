"""What administrators choose for the whole portal."""
