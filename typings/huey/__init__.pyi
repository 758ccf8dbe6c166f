"""What of huey is used outside its consumer: it has no types of its own."""

from collections.abc import Callable
from datetime import datetime

from huey import signals as signals

def crontab(
    minute: str = "*", hour: str = "*", day: str = "*", month: str = "*", day_of_week: str = "*"
) -> Callable[[datetime], bool]: ...
