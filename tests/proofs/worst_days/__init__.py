"""Worst days drawn by chance, lived through on a real box, and judged: see `__main__`."""
