"""What follows from working days: the person's tabs and managers hear."""

from __future__ import annotations

from functools import partial

from box.apps.worktime.access import managers_of, waiting_for
from box.apps.worktime.events import (
    CorrectionAsked,
    CorrectionDecided,
    DayForgotten,
    DayStepped,
    ReportConfirmed,
    ReportSent,
)
from box.apps.worktime.models import Correction, Report, WorkDay
from box.apps.worktime.notices import APPROVED, ASKED, CONFIRMED, FORGOTTEN, REFUSED, SENT
from box.core.accounts.models import User
from box.core.events.outbox import on
from box.core.notify.actions import notify
from box.core.notify.counters import recount
from box.core.push.actions import send


def _tell_tabs(user_id: int) -> None:
    send("worktime", "clock", audience=[f"U{user_id}"])


def _recount_for(person: User) -> None:
    for manager in managers_of(person):
        recount(manager, "worktime", partial(waiting_for, manager))


@on(DayStepped)
def tell_tabs(event: DayStepped) -> None:
    _tell_tabs(event.by_id)


@on(DayForgotten)
def ask_for_correction(event: DayForgotten) -> None:
    day = WorkDay.objects.select_related("user").filter(pk=event.day_id).first()
    if day is None or day.state != WorkDay.State.FORGOTTEN:
        return
    notify(day.user, FORGOTTEN, about=day.ref, key=f"worktime.forgotten:{day.pk}")
    _tell_tabs(event.user_id)


@on(CorrectionAsked)
def ask_managers(event: CorrectionAsked) -> None:
    # Gone, where the person has asked anew meanwhile.
    correction = Correction.objects.select_related("user").filter(pk=event.correction_id).first()
    if correction is None or correction.status != Correction.Status.ASKED:
        return
    _recount_for(correction.user)
    key = f"worktime.asked:{correction.pk}"
    for manager in managers_of(correction.user):
        notify(manager, ASKED, about=correction.ref, key=key, actor=correction.user)


@on(CorrectionDecided)
def tell_who_asked(event: CorrectionDecided) -> None:
    correction = Correction.objects.select_related("user").get(pk=event.correction_id)
    notice = APPROVED if event.is_approved else REFUSED
    actor = User.objects.get(pk=event.by_id)
    if actor.pk != correction.user_id:
        notify(
            correction.user,
            notice,
            about=correction.ref,
            key=f"worktime.decided:{correction.pk}",
            actor=actor,
        )
    _tell_tabs(correction.user_id)
    _recount_for(correction.user)


@on(ReportSent)
def show_managers(event: ReportSent) -> None:
    report = Report.objects.select_related("user").get(pk=event.report_id)
    _recount_for(report.user)
    key = f"worktime.sent:{report.pk}"
    for manager in managers_of(report.user):
        notify(manager, SENT, about=report.ref, key=key, actor=report.user)


@on(ReportConfirmed)
def tell_author(event: ReportConfirmed) -> None:
    report = Report.objects.select_related("user", "confirmed_by").get(pk=event.report_id)
    _recount_for(report.user)
    if report.confirmed_by != report.user:
        notify(
            report.user,
            CONFIRMED,
            about=report.ref,
            key=f"worktime.confirmed:{report.pk}",
            actor=report.confirmed_by,
        )
