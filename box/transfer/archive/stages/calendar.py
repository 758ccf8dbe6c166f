"""What takes place, out of an archive."""

from __future__ import annotations

from typing import override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.actions.answers import answer_event
from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.events import EventDraft, Scope, change_event, create_event, remove_event
from box.apps.calendar.models import Event
from box.transfer.archive import records
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork, part_of
from box.transfer.ledger import Extra
from box.transfer.stages.base import line


class Events(ArchiveStage[records.Event]):
    key = "events"
    label = gettext_lazy("Calendars")
    kind = "event"
    needs = ("people", "groups")

    @override
    def bring(self, work: ArchiveWork, record: records.Event, extra: Extra) -> int:
        by = work.person(record.organizer)
        if not by.is_active:
            said = _("%(name)s, whose event it was, does not work here: it is now %(by)s's.")
            work.remark(self.kind, record.id, said % {"name": by.name, "by": work.by.name})
            by = work.by
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
        self.took(work, record, event.pk)
        return event.pk

    def _answer(self, work: ArchiveWork, record: records.Event, event: Event) -> None:
        for told in record.attendees:
            if told.answer != "waiting" and told.person != record.organizer:
                for person in work.active([told.person]):
                    with part_of(work, self.kind, record.id):
                        answer_event(event, told.answer, by=person, comment=told.comment)
