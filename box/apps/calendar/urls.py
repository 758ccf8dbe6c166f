from django.urls import path

from box.apps.calendar.views import calendars, events, pages

app_name = "calendar"
urlpatterns = [
    path("calendar/", pages.home, name="home"),
    path("calendar/items/", pages.items, name="items"),
    path("calendar/team/", pages.team, name="team"),
    path("calendar/principals/", pages.principals, name="principals"),
    path("calendar/events/new/", events.new, name="new"),
    path("calendar/events/<int:pk>/", events.event, name="event"),
    path("calendar/events/<int:pk>/edition/", events.edition, name="edition"),
    path("calendar/events/<int:pk>/times/", events.times, name="times"),
    path("calendar/events/<int:pk>/answer/", events.answer, name="answer"),
    path("calendar/events/<int:pk>/removal/", events.removal, name="removal"),
    path("calendar/undoing/<int:pk>/", events.undoing, name="undoing"),
    path("calendar/calendars/new/", calendars.new, name="new-calendar"),
    path("calendar/calendars/<int:pk>/", calendars.calendar, name="calendar"),
    path("calendar/calendars/<int:pk>/removal/", calendars.removal, name="calendar-removal"),
]
