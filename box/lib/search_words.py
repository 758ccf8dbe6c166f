"""The words of what somebody looks for in titles and names."""

from __future__ import annotations

MOST_WORDS, LONGEST_WORD = 8, 60


def words_of(text: str) -> list[str]:
    """In lower case. Each word is a condition that every row is asked: as many as a title has, and no longer
    than one is."""
    return [word[:LONGEST_WORD] for word in text.lower().split()[:MOST_WORDS]]
