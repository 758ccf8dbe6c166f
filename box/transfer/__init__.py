"""Cloud migration: export and import."""
