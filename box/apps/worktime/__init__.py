"""The working day: its clock, schedules, corrections, and what was done in it."""
