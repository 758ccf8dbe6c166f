"""Every write to tasks. Whoever changes one holds its row."""
