"""The company's Asterisk: its calls as they happen, and what it is told to do."""
