"""What is written into logs of the portal."""

from __future__ import annotations

import logging
import re

# Addresses that open something by themselves: links for outsiders, papers, invitations, forgotten passwords,
# calendars, letters, booking pages and what was booked on them, sounds of menus.
_SECRET = re.compile(
    r"/(links|join|sign-in/reset|letters|papers|book|appointments|calendar/feeds|calendar/invitations|calls/sounds)"
    r"/[^/\s?#'\"]+"
)


class Discreet(logging.Filter):
    """Leaves out of messages what whoever reads a log could open something with.

    Django names the address of what fails and of what it takes for forged.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if _SECRET.search(message):
            record.msg, record.args = _SECRET.sub(r"/\1/...", message), ()
        return True
