"""What a node is made of. Knows neither the portal nor Django."""
