"""A real Asterisk, its phones, and what it says: see `docs/dev/tests.md`."""
