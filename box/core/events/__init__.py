"""What happened, told at least once to whoever reacts to it."""
