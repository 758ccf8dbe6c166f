"""Reports of what was planned and done, and their confirmation."""

from __future__ import annotations

from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.worktime.events import ReportConfirmed, ReportSent
from box.apps.worktime.models import Report, first_day
from box.core.accounts.models import User
from box.core.events.outbox import emit


@transaction.atomic
def begin_report(period: str, day: date, *, plan: str, text: str, is_sent: bool, by: User) -> Report:
    """As `write_report`, for whoever may not know what they have written before: it stays where nothing is
    given, and is replaced by nothing. Raises ValidationError for what would."""
    begun = Report.objects.filter(user=by, period=period, starts_on=first_day(period, day))
    if (there := begun.select_for_update().first()) is not None:
        if (there.plan and plan not in {"", there.plan}) or (there.text and text not in {"", there.text}):
            said = _("You have a report of this period already, and it says something else: go on with that.")
            raise ValidationError(said, code="begun")
        plan, text = plan or there.plan, text or there.text
    return write_report(period, day, plan=plan, text=text, is_sent=is_sent, by=by)


@transaction.atomic
def write_report(
    period: str, day: date, *, plan: str, text: str, is_sent: bool, by: User, at: datetime | None = None
) -> Report:
    """Writes the report of the period that holds the day: plans first, and what was done when it is over.

    Once confirmed it stays. Raises ValidationError for that, and for sending nothing.
    """
    starts_on = first_day(period, day)
    report, _is_new = Report.objects.select_for_update().get_or_create(
        user=by, period=period, starts_on=starts_on
    )
    if report.confirmed_at:
        raise ValidationError(_("This report is confirmed, and stays as it is."), code="confirmed")
    if (is_sent or report.sent_at) and not text.strip():
        raise ValidationError(_("Write what you have done before you send it."), code="empty")
    report.plan, report.text = plan, text
    is_first = is_sent and report.sent_at is None
    report.sent_at = (at or timezone.now()) if is_first else report.sent_at
    report.save(update_fields=["plan", "text", "sent_at"])
    if is_first:
        emit(ReportSent(report_id=report.pk, by_id=by.pk))
    return report


@transaction.atomic
def confirm_report(report: Report, *, score: str, remark: str, by: User, at: datetime | None = None) -> None:
    """Confirms a report that was sent; the first confirmation holds."""
    is_first = (
        Report.objects.waiting()
        .filter(pk=report.pk)
        .update(confirmed_at=at or timezone.now(), confirmed_by=by, score=score, remark=remark)
    )
    report.refresh_from_db()
    if is_first:
        emit(ReportConfirmed(report_id=report.pk, by_id=by.pk))
