"""What became of an object, in words."""
