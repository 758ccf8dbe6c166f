"""One index over everything."""
