"""What the agent runs for long: each a program with a journal."""
