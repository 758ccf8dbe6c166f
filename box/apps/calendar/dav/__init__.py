"""Calendars for phones and mail programs: what `box.bridges.dav` serves of this room."""
