"""iCalendar (RFC 5545) as programs really write it: what comes in, understood and bounded.

for item in read(data, zone="Europe/Moscow"):     # Raises NotCalendar
    item.uid, item.starts_at, item.zone, item.rule
"""

from box.lib.icalendars.parser import (
    LARGEST,
    MOST_ITEMS,
    Attendee,
    Item,
    NotCalendar,
    Read,
    components,
    is_icalendar,
    read,
)
from box.lib.icalendars.rows import rows

__all__ = [
    "LARGEST", "MOST_ITEMS", "Attendee", "Item", "NotCalendar", "Read", "components", "is_icalendar", "read",
    "rows",
]  # fmt: skip
