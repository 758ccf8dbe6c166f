"""What an administrator sends about a directory."""
