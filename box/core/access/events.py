"""What happened to people's access."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AccessChanged:
    """These people's codes are no longer what they were."""

    user_ids: tuple[int, ...]
