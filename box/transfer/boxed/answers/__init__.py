"""What the methods of a portal's REST would say of its dump, in the words of their documentation.

A method here is a function of the rows and of what it was told. Names of methods know no capitals.
"""

from __future__ import annotations

from collections.abc import Mapping

from box.transfer.boxed.answers import calendars, calls, company, crm, disk, feed, own_fields, polls, tasks
from box.transfer.boxed.answers.base import Method

METHODS: Mapping[str, Method] = {
    name.lower(): method
    for room in (company, feed, polls, tasks, disk, calendars, crm, own_fields, calls)
    for name, method in room.METHODS.items()
}
