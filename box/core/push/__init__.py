"""Push tells, HTTP shows: messages that say what changed, to whoever is listening and may know."""
