"""What takes place, out of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.actions.answers import answer_event
from box.apps.calendar.actions.appointments import VisitorDraft, take_over_appointment
from box.apps.calendar.actions.booking_pages import PageDraft, create_page, retire_page, switch_page
from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.events import EventDraft, Scope, change_event, create_event, remove_event
from box.apps.calendar.actions.guests import GuestDraft, answer_as_guest, ask_guests
from box.apps.calendar.models import BookingPage, Event
from box.apps.calendar.visitors import zone_in
from box.core.groups.models import Group
from box.core.registry.company import LANGUAGE
from box.core.registry.origin import importing
from box.lib.questions import LONGEST, LONGEST_LINE, Question
from box.transfer.archive import records
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork
from box.transfer.ledger import Extra
from box.transfer.stages.base import line, part_of

if TYPE_CHECKING:
    from box.core.accounts.models import User


class Bookings(ArchiveStage[records.BookingPage]):
    key = "bookings"
    label = gettext_lazy("Booking pages")
    kind = "booking"
    needs = ("people", "groups")

    @override
    def bring(self, work: ArchiveWork, record: records.BookingPage, extra: Extra) -> int:
        owner = next(iter(work.active([record.owner])), None)
        if owner is None:
            raise ValidationError(_("Whoever offered these times does not work here."), code="missing")
        group = Group.objects.filter(pk=work.ours("group", record.group)).first() if record.group else None
        draft = PageDraft(
            title=line(record.title, 120) or _("(without a title)"), hosts=record.hosts, group=group,
            description=record.description[:2000], place=line(record.place, 200),
            consent=record.consent[:4000], questions=[_question(one) for one in record.questions],
            length_minutes=record.length_minutes, step_minutes=record.step_minutes,
            before_minutes=record.before_minutes, after_minutes=record.after_minutes,
            notice_hours=record.notice_hours, horizon_days=record.horizon_days,
            weekdays=tuple(record.weekdays), begins=record.begins, ends=record.ends, zone=record.zone,
            kept_days=record.kept_days,
        )  # fmt: skip
        page = create_page(draft, by=owner)
        if record.retired_at is not None:
            with importing(at=record.retired_at):
                retire_page(page, by=owner)
        elif not record.is_on:
            switch_page(page, False, by=owner)
        self.took(work, record, page.pk)
        return page.pk


def _question(one: records.BookingQuestion) -> Question:
    return Question(one.name, one.kind, one.label, one.is_required, tuple(one.choices))


class Events(ArchiveStage[records.Event]):
    key = "events"
    label = gettext_lazy("Calendars")
    kind = "event"
    needs = ("people", "groups", "bookings")

    @override
    def bring(self, work: ArchiveWork, record: records.Event, extra: Extra) -> int:
        by = work.person(record.organizer)
        code = next(iter(work.codes([record.calendar])), None)
        if code is None:
            raise ValidationError(_("Whose calendar it is has not come."), code="missing")
        coming = work.active(one.person for one in record.attendees)
        draft = EventDraft(
            title=line(record.title, 200) or _("(without a title)"),
            starts_at=record.starts_at,
            ends_at=record.ends_at,
            zone=record.zone,
            is_all_day=record.is_all_day,
            rule=record.rule,
            description=record.description[:20_000],
            place=line(record.place, 200),
            is_confidential=record.is_confidential,
            is_free=record.is_free,
            invited=tuple(f"U{one.pk}" for one in coming if one.pk != by.pk),
        )
        if record.series is None:
            event = create_event(main_calendar(code), draft, by=by)
        else:
            series = Event.objects.there().filter(pk=work.ours(self.kind, record.series)).first()
            if series is None or record.original_at is None:
                raise ValidationError(_("The series that it is a time of has not come."), code="missing")
            event = change_event(series, draft, by=by, scope=Scope.THIS, at=record.original_at).event
        for at in record.excluded:
            with part_of(work, self.kind, record.id):
                remove_event(event, by=by, scope=Scope.THIS, at=at)
        self._answer(work, record, event)
        with part_of(work, self.kind, record.id):
            self._ask_outside(record, event, by)
        if record.appointment is not None:
            with part_of(work, self.kind, record.id):
                self._book(work, record.appointment, event)
        self.took(work, record, event.pk)
        return event.pk

    def _answer(self, work: ArchiveWork, record: records.Event, event: Event) -> None:
        for told in record.attendees:
            if told.answer != "waiting" and told.person != record.organizer:
                for person in work.active([told.person]):
                    with part_of(work, self.kind, record.id):
                        answer_event(event, told.answer, by=person, comment=told.comment)

    def _ask_outside(self, record: records.Event, event: Event, by: User) -> None:
        """Nobody is written to: they know of it from where it was planned."""
        told = {one.email.strip().lower(): one for one in record.guests}
        ask_guests(event, [GuestDraft(one.email, one.name) for one in record.guests], by=by)
        for guest in event.guests.asked():
            said = told[guest.email]
            if said.answer != "waiting":
                answer_as_guest(guest, said.answer, comment=said.comment)

    def _book(self, work: ArchiveWork, record: records.Appointment, event: Event) -> None:
        page = BookingPage.objects.filter(pk=work.ours(Bookings.kind, record.page)).first()
        if page is None:
            raise ValidationError(_("The page on which it was booked has not come."), code="missing")
        visitor = VisitorDraft(
            name=line(record.name, 100), email=record.email.strip().lower(),
            language=record.language if record.language in dict(settings.LANGUAGES) else LANGUAGE.value,
            zone=zone_in(record.zone, page.zone), consent=record.consent[:4000],
            answers=[(asked[:LONGEST_LINE], said[:LONGEST]) for asked, said in record.answers],
        )  # fmt: skip
        with importing(at=record.made_at):
            take_over_appointment(page, event, visitor)
