"""Pure helpers, without models."""
