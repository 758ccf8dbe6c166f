"""Commands of Pulse."""
