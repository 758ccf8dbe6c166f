from django.urls import path

from box.apps.calendar.views import calendars, events, meetings, pages, rooms

app_name = "calendar"
urlpatterns = [
    path("calendar/", pages.home, name="home"),
    path("calendar/items/", pages.items, name="items"),
    path("calendar/team/", pages.team, name="team"),
    path("calendar/principals/", pages.principals, name="principals"),
    path("calendar/free-times/", rooms.free_times, name="free-times"),
    path("calendar/rooms/", rooms.rooms, name="rooms"),
    path("calendar/rooms/new/", rooms.new, name="new-room"),
    path("calendar/rooms/<int:pk>/", rooms.room, name="room"),
    path("calendar/rooms/<int:pk>/retirement/", rooms.retirement, name="retirement"),
    path("calendar/events/new/", events.new, name="new"),
    path("calendar/events/<int:pk>/", events.event, name="event"),
    path("calendar/events/<int:pk>/edition/", events.edition, name="edition"),
    path("calendar/events/<int:pk>/times/", events.times, name="times"),
    path("calendar/events/<int:pk>/answer/", events.answer, name="answer"),
    path("calendar/events/<int:pk>/reminder/", events.reminder, name="reminder"),
    path("calendar/events/<int:pk>/removal/", events.removal, name="removal"),
    path("calendar/events/<int:pk>/meeting/", meetings.prepare, name="prepare-meeting"),
    path("calendar/meetings/<int:pk>/", meetings.meeting, name="meeting"),
    path("calendar/meetings/<int:pk>/topics/", meetings.topics, name="topics"),
    path("calendar/meetings/<int:pk>/decisions/", meetings.decisions, name="decisions"),
    path("calendar/meetings/<int:pk>/presence/", meetings.presence, name="presence"),
    path("calendar/meetings/<int:pk>/record/", meetings.record, name="record"),
    path("calendar/topics/<int:pk>/", meetings.topic, name="topic"),
    path("calendar/topics/<int:pk>/minutes/", meetings.minutes, name="minutes"),
    path("calendar/decisions/<int:pk>/", meetings.decision, name="decision"),
    path("calendar/undoing/<int:pk>/", events.undoing, name="undoing"),
    path("calendar/calendars/new/", calendars.new, name="new-calendar"),
    path("calendar/calendars/<int:pk>/", calendars.calendar, name="calendar"),
    path("calendar/calendars/<int:pk>/feeds/", calendars.feeds, name="feeds"),
    path("calendar/feeds/<int:pk>/end/", calendars.feed_end, name="feed-end"),
    path("calendar/feeds/<str:token>.ics", calendars.feed, name="feed"),
    path("calendar/calendars/<int:pk>/removal/", calendars.removal, name="calendar-removal"),
]
