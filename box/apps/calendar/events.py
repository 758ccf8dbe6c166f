"""What happened in calendars. `event_id` is the one that was made or changed: of a time that is an exception
the exception, else the series."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventCreated:
    event_id: int
    by_id: int


@dataclass(frozen=True)
class EventChanged:
    """`version` counts the changes; `is_moved` says that it takes place at another time. `is_cut`: its later
    times are another series now, of whose change those who take part hear. `told_user_ids` hear of it by
    another notice."""

    event_id: int
    by_id: int
    version: int
    is_moved: bool = False
    former_user_ids: tuple[int, ...] = ()
    is_cut: bool = False
    told_user_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class EventRemoved:
    event_id: int
    by_id: int
    version: int
    user_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class EventsRewritten:
    """Nobody has changed these events: others see them now, a name was taken out of them, or they went with
    their calendar."""

    event_ids: tuple[int, ...]


@dataclass(frozen=True)
class EventAnswered:
    event_id: int
    user_id: int
    answer: str


@dataclass(frozen=True)
class RoomAsked:
    """An event wants a room whose keepers are asked; `count` says how often it has asked by now."""

    request_id: int
    count: int
    by_id: int


@dataclass(frozen=True)
class RoomDecided:
    """By who keeps the room: approved, or refused."""

    request_id: int
    count: int
    by_id: int


@dataclass(frozen=True)
class GuestsAsked:
    """So many people outside are to be invited by letter."""

    event_id: int
    by_id: int
    count: int


@dataclass(frozen=True)
class GuestAnswered:
    """Somebody outside, by the link of their letter."""

    guest_id: int
    answer: str


@dataclass(frozen=True)
class CalendarChanged:
    """It came, went, or is called or coloured otherwise."""

    calendar_id: int
    by_id: int | None


@dataclass(frozen=True)
class FeedMade:
    """A link by which programs read a calendar without an account."""

    feed_id: int
    calendar_id: int
    by_id: int


@dataclass(frozen=True)
class FeedEnded:
    feed_id: int
    calendar_id: int
    by_id: int


@dataclass(frozen=True)
class MeetingChanged:
    """Its agenda, its decisions or who was there; with `topic_id` that topic alone."""

    meeting_id: int
    by_id: int
    topic_id: int | None = None


@dataclass(frozen=True)
class RecordSent:
    """To all who take part."""

    meeting_id: int
    by_id: int


@dataclass(frozen=True)
class BookingPageChanged:
    """`change` is added, changed, switched-on, switched-off, readdressed or removed."""

    page_id: int
    change: str
    title: str
    by_id: int


@dataclass(frozen=True)
class AppointmentBooked:
    """By somebody outside."""

    appointment_id: int


@dataclass(frozen=True)
class AppointmentMoved:
    """By the visitor; `version` is that of the event."""

    appointment_id: int
    version: int


@dataclass(frozen=True)
class AppointmentCancelled:
    appointment_id: int
    version: int
