from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    assets,
    calendar_layers,
    card_routes,
    cards,
    demo_shares,
    help_pages,
    menu,
    reminded,
    searchables,
)
from box.core.registry.dav import dav_sources
from box.core.registry.enclosures import enclosers


class CalendarConfig(Room):
    name = "box.apps.calendar"

    def offer(self) -> None:
        from box.apps.calendar import layers
        from box.apps.calendar.access import BOOKING, COMPANY, OUTSIDERS, ROOMS
        from box.apps.calendar.actions.guests import LETTERS, enclosure_of
        from box.apps.calendar.actions.reminders import plan_reminders
        from box.apps.calendar.cards import request_cards
        from box.apps.calendar.dav.collections import CalendarSource
        from box.apps.calendar.demo import plan
        from box.apps.calendar.importing import EventImporter
        from box.apps.calendar.models import KIND, MEETING, ROOM_REQUEST, event_cards, meeting_cards
        from box.apps.calendar.searching import EVENTS
        from box.core.imports.importers import importers
        from box.core.registry.services import Service, services

        services.add(
            "calendar", Service(_("Calendar"), _("Events of people, groups, departments and the company."))
        )
        entry = MenuEntry(
            key="calendar", label=_("Calendar"), icon="calendar", url_name="calendar:home", order=30
        )
        menu.add(entry.key, entry)
        # Of the working calendar the page called so tells.
        help_pages.add("calendar", "events")
        styles = ("vendor/fullcalendar.css", "vendor/fullcalendar-theme.css", "calendar/calendar.css")
        assets.add(
            "calendar", Assets(styles=styles, scripts=("calendar/calendar.js", "calendar/meetings.js"))
        )
        rights.add(COMPANY, Right("calendar", _("Change the company calendar")))
        rights.add(ROOMS, Right("calendar", _("Manage meeting rooms")))
        outsiders = Right("calendar", _("Invite people outside by letter"), default=(EVERYONE,))
        rights.add(OUTSIDERS, outsiders)
        booking = Right("calendar", _("Offer times to people outside on booking pages"), default=(EVERYONE,))
        rights.add(BOOKING, booking)
        importers.add(EventImporter.key, EventImporter())
        dav_sources.add("calendar", CalendarSource())
        enclosers.add(LETTERS, enclosure_of)
        cards.add(KIND, event_cards)
        cards.add(MEETING, meeting_cards)
        cards.add(ROOM_REQUEST, request_cards)
        card_routes.add("calendar:event", KIND)
        searchables.add(KIND, EVENTS)
        demo_shares.add("calendar", plan)
        reminded.add(KIND, plan_reminders)
        calendar_layers.add("calendar.holidays", layers.HOLIDAYS)
        calendar_layers.add("calendar.absences", layers.ABSENCES)
        calendar_layers.add("calendar.birthdays", layers.BIRTHDAYS)
