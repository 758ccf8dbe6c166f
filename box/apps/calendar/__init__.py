"""Calendars of people, groups, departments and the company, and the events in them."""
