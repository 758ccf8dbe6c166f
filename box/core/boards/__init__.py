"""Boards of anything: cards in columns, ordered by hand."""
