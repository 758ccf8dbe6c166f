"""How much of the portal the company uses."""
