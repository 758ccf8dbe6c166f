"""This box moves into a portal of the cloud."""
