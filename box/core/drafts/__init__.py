"""What people have begun to write, kept until it is sent."""
