"""Agenda, minutes and decisions of a meeting. Those who take part write them, together."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_keep_minutes
from box.apps.calendar.events import MeetingChanged, RecordSent
from box.apps.calendar.models import (
    LONGEST_DECISION,
    LONGEST_MINUTES,
    LONGEST_TOPIC,
    Decision,
    Event,
    Meeting,
    Present,
    Topic,
)
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.capabilities import Ref, Work, workshops
from box.core.registry.environment import full_url
from box.core.registry.services import is_on
from box.lib.text_merge import merged

if TYPE_CHECKING:
    from box.apps.calendar.occurrences import Occurrence

MOST_TOPICS = 60
MOST_DECISIONS = 200
# So many times a series is followed back over "this and all that follow".
MOST_CUTS = 20
LONGEST_TALK = 600
END_OF_DAY = time(18)


@transaction.atomic
def prepare_meeting(occurrence: Occurrence, *, by: User) -> Meeting:
    """The meeting of this time; it begins with what the one before left open. Doing it again finds it."""
    event = occurrence.event
    _must(event, by)
    root = event.series or event
    at = occurrence.original_at or occurrence.starts_at
    if event.series_id is None and not event.rule:
        # An event that is moved takes its agenda along.
        found = Meeting.objects.filter(event=root).first()
        if found is not None:
            return found
    meeting, is_new = Meeting.objects.get_or_create(event=root, at=at)
    if is_new:
        _carry_over(meeting)
        _tell(meeting, by)
    return meeting


def _former(meeting: Meeting) -> Meeting | None:
    """The one before, also of the series that this one was cut from, which may have been cut from another."""
    series = meeting.event_id
    for _cut in range(MOST_CUTS):
        before = Meeting.objects.filter(event=series, event__removed_at=None, at__lt=meeting.at)
        if (found := before.order_by("-at").first()) is not None:
            return found
        cut_from = Event.objects.filter(pk=series).values_list("cut_from", flat=True).first()
        if cut_from is None:
            break
        series = cut_from
    return None


def _carry_over(meeting: Meeting) -> None:
    former = _former(meeting)
    if former is None:
        return
    left = former.topics.filter(is_done=False).order_by("position", "id")
    Topic.objects.bulk_create(
        Topic(
            meeting=meeting,
            title=one.title,
            planned_minutes=one.planned_minutes,
            position=place,
            times_carried=one.times_carried + 1,
        )
        for place, one in enumerate(left)
    )


@transaction.atomic
def add_topic(meeting: Meeting, title: str, planned_minutes: int | None = None, *, by: User) -> Topic:
    meeting = _held(meeting, by)
    if meeting.topics.count() >= MOST_TOPICS:
        raise ValidationError(
            _("An agenda has at most %(most)s topics.") % {"most": MOST_TOPICS}, code="many"
        )
    last = meeting.topics.order_by("-position").values_list("position", flat=True).first()
    topic = Topic(meeting=meeting, position=0 if last is None else last + 1)
    _write_topic(topic, title, planned_minutes)
    topic.save()
    _tell(meeting, by, topic)
    return topic


@transaction.atomic
def change_topic(topic: Topic, title: str, planned_minutes: int | None, *, by: User) -> Topic:
    topic = _held_topic(topic, by)
    _write_topic(topic, title, planned_minutes)
    topic.save(update_fields=["title", "planned_minutes"])
    _tell(topic.meeting, by, topic)
    return topic


@transaction.atomic
def close_topic(topic: Topic, is_done: bool, *, by: User) -> Topic:
    """What is not done at the end is on the agenda of the next time."""
    topic = _held_topic(topic, by)
    if topic.is_done != is_done:
        topic.is_done = is_done
        topic.save(update_fields=["is_done"])
        _tell(topic.meeting, by, topic)
    return topic


@transaction.atomic
def move_topic(topic: Topic, by_places: int, *, by: User) -> None:
    topic = _held_topic(topic, by)
    topics = list(topic.meeting.topics.order_by("position", "id"))
    place = topics.index(topic)
    topics.insert(max(0, min(place + by_places, len(topics) - 1)), topics.pop(place))
    for position, one in enumerate(topics):
        one.position = position
    Topic.objects.bulk_update(topics, ["position"])
    _tell(topic.meeting, by)


@transaction.atomic
def delete_topic(topic: Topic, *, by: User) -> None:
    """With its minutes; decisions stay."""
    topic = _held_topic(topic, by)
    meeting = topic.meeting
    topic.delete()
    _tell(meeting, by)


@transaction.atomic
def write_minutes(topic: Topic, text: str, base: str, *, by: User) -> Topic:
    """`base` is the text that this person began with: what others have written since stays in it."""
    topic = _held_topic(topic, by)
    text, base = (one.replace("\r\n", "\n") for one in (text, base))
    if max(len(text), len(base)) > LONGEST_MINUTES:
        raise ValidationError(_("The minutes of a topic are too long: shorten them."), code="long")
    found = merged(base, topic.minutes, text)[: 2 * LONGEST_MINUTES]
    if found != topic.minutes:
        topic.minutes = found
        topic.save(update_fields=["minutes"])
        _tell(topic.meeting, by, topic)
    return topic


@transaction.atomic
def add_decision(
    meeting: Meeting,
    text: str,
    *,
    by: User,
    topic: Topic | None = None,
    responsible: User | None = None,
    due_on: date | None = None,
) -> Decision:
    """With somebody who is to do it, it becomes a task, where there are tasks."""
    meeting = _held(meeting, by)
    text = " ".join(text.split())
    if not text or len(text) > LONGEST_DECISION:
        said = _("Write what was decided, in at most %(most)s characters.") % {"most": LONGEST_DECISION}
        raise ValidationError(said, code="text")
    if meeting.decisions.count() >= MOST_DECISIONS:
        raise ValidationError(
            _("Too many decisions: %(most)s at most.") % {"most": MOST_DECISIONS}, code="many"
        )
    if topic is not None and topic.meeting_id != meeting.pk:
        topic = None
    decision = Decision(
        meeting=meeting, topic=topic, text=text, responsible=responsible, due_on=due_on, made_by=by
    )
    if responsible is not None and (made := _made_work(decision, by)) is not None:
        decision.work_kind, decision.work_id = made.kind, made.id
    decision.save()
    _tell(meeting, by)
    return decision


def _made_work(decision: Decision, by: User) -> Ref | None:
    if "tasks" not in workshops or not is_on("tasks") or decision.responsible is None:
        return None
    deadline = None
    if decision.due_on is not None:
        zone = timezone.get_current_timezone()
        deadline = datetime.combine(decision.due_on, END_OF_DAY, zone)
    said = _("Decided at: %(meeting)s") % {"meeting": decision.meeting.event.title}
    text = f"{said}\n{full_url('portal:home').rstrip('/')}{decision.meeting.get_absolute_url()}"
    work = Work(
        title=decision.text, text=text, responsible=decision.responsible, deadline_at=deadline,
        about=decision.meeting.ref,
    )  # fmt: skip
    return workshops["tasks"].give(work, by)


@transaction.atomic
def delete_decision(decision: Decision, *, by: User) -> None:
    """The task that it became stays."""
    meeting = _held(decision.meeting, by)
    Decision.objects.filter(pk=decision.pk).delete()
    _tell(meeting, by)


@transaction.atomic
def note_presence(meeting: Meeting, person: User, is_there: bool, *, by: User) -> None:
    """Of those who take part."""
    meeting = _held(meeting, by)
    if not meeting.held_as.attendances.filter(user=person).exists():
        raise ValidationError(_("This person does not take part."), code="people")
    if is_there:
        Present.objects.get_or_create(meeting=meeting, user=person)
    else:
        Present.objects.filter(meeting=meeting, user=person).delete()
    _tell(meeting, by)


@transaction.atomic
def send_record(meeting: Meeting, *, by: User) -> Meeting:
    """To everybody who takes part. Sent again it is said that it has changed."""
    meeting = _held(meeting, by)
    meeting.sent_at, meeting.sent_by = timezone.now(), by
    meeting.save(update_fields=["sent_at", "sent_by"])
    emit(RecordSent(meeting_id=meeting.pk, by_id=by.pk))
    _tell(meeting, by)
    return meeting


def _write_topic(topic: Topic, title: str, planned_minutes: int | None) -> None:
    topic.title = " ".join(title.split())
    if not topic.title or len(topic.title) > LONGEST_TOPIC:
        said = _("Write the topic, in at most %(most)s characters.") % {"most": LONGEST_TOPIC}
        raise ValidationError(said, code="title")
    if planned_minutes is not None and not 1 <= planned_minutes <= LONGEST_TALK:
        raise ValidationError(
            _("A topic takes from 1 to %(most)s minutes.") % {"most": LONGEST_TALK}, code="minutes"
        )
    topic.planned_minutes = planned_minutes


def _held(meeting: Meeting, by: User) -> Meeting:
    rows = Meeting.objects.select_related("event__calendar", "event__series", "event__organizer")
    found = rows.select_for_update(of=("self",)).filter(pk=meeting.pk).first()
    if found is None or found.event.removed_at is not None:
        raise ValidationError(_("This meeting is not there any more: reload the page."), code="gone")
    _must(found.held_as, by)
    return found


def _held_topic(topic: Topic, by: User) -> Topic:
    meeting = _held(topic.meeting, by)
    found = meeting.topics.filter(pk=topic.pk).first()
    if found is None:
        raise ValidationError(_("This topic is not there any more: reload the page."), code="gone")
    found.meeting = meeting
    return found


def _must(event: Event, by: User) -> None:
    if not can_keep_minutes(by, event):
        raise PermissionDenied(_("Those who take part write the minutes."))


def _tell(meeting: Meeting, by: User, topic: Topic | None = None) -> None:
    emit(MeetingChanged(meeting_id=meeting.pk, by_id=by.pk, topic_id=topic.pk if topic else None))
