"""Every call of the company: while it rings, in the log, and after it."""
