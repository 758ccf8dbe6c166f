"""The portal: one Django project."""
