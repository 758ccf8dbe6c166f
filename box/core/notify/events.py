"""What happened to letters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LettersQueued:
    """There is something for the mail server to take."""

    count: int
