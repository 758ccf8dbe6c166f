"""Pages on which people outside book a time: set up, switched, given another address, retired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_change_page, can_lead_page_of, demand_offering
from box.apps.calendar.events import BookingPageChanged
from box.apps.calendar.models import BookingPage
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.origin import moment
from box.lib.questions import Kind, Question, check_questions

if TYPE_CHECKING:
    from box.core.groups.models import Group

MOST_PAGES = 20
MOST_OWN_QUESTIONS = 10
QUESTIONS = (Kind.PHONE, Kind.COMPANY, Kind.LINE, Kind.TEXT, Kind.CHOICE)
"""What may be asked beside name and e-mail."""
BOUNDS = {
    "length_minutes": (10, 480), "step_minutes": (10, 480), "before_minutes": (0, 240),
    "after_minutes": (0, 240), "notice_hours": (0, 720), "horizon_days": (1, 120), "kept_days": (1, 1095),
}  # fmt: skip
_TEXTS = {"title", "description", "place", "consent"}

Hosts = BookingPage.Hosts


@dataclass(frozen=True, kw_only=True)
class PageDraft:
    """A page as its owner wants it; minutes, hours and days within `BOUNDS`, Monday is 0."""

    title: str
    zone: str
    hosts: str = Hosts.OWNER
    group: Group | None = None
    description: str = ""
    place: str = ""
    consent: str = ""
    length_minutes: int = 30
    step_minutes: int = 30
    before_minutes: int = 0
    after_minutes: int = 0
    notice_hours: int = 4
    horizon_days: int = 30
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    begins: time = time(9)
    ends: time = time(18)
    kept_days: int = 180
    questions: Sequence[Question] = ()


@transaction.atomic
def create_page(draft: PageDraft, *, by: User) -> BookingPage:
    demand_offering(by)
    # Whoever adds two at once waits for themselves.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if BookingPage.objects.standing().filter(owner=by).count() >= MOST_PAGES:
        raise ValidationError(
            _("You have %(most)s booking pages: take one away first.") % {"most": MOST_PAGES}
        )
    page = BookingPage(owner=by, created_at=moment())
    _fill(page, draft, by)
    _tell(page, "added", by)
    return page


@transaction.atomic
def change_page(page: BookingPage, draft: PageDraft, *, by: User) -> None:
    """What is booked already stays as it is."""
    page = _locked(page, by)
    _fill(page, draft, by)
    _tell(page, "changed", by)


@transaction.atomic
def switch_page(page: BookingPage, is_on: bool, *, by: User) -> None:
    page = _locked(page, by)
    if page.is_on != is_on:
        page.is_on = is_on
        page.save(update_fields=["is_on"])
        _tell(page, "switched-on" if is_on else "switched-off", by)


@transaction.atomic
def renew_address(page: BookingPage, *, by: User) -> None:
    """Whoever has the old one finds nothing any more."""
    page = _locked(page, by)
    page.address_version += 1
    page.save(update_fields=["address_version"])
    _tell(page, "readdressed", by)


@transaction.atomic
def retire_page(page: BookingPage, *, by: User) -> None:
    """It takes nobody any more; what is booked stays, and can be cancelled by its links."""
    page = _locked(page, by)
    page.is_on, page.retired_at = False, moment()
    page.save(update_fields=["is_on", "retired_at"])
    _tell(page, "removed", by)


def _tell(page: BookingPage, change: str, by: User) -> None:
    emit(BookingPageChanged(page_id=page.pk, change=change, title=page.title, by_id=by.pk))


def _locked(page: BookingPage, by: User) -> BookingPage:
    found = BookingPage.objects.standing().select_for_update(of=("self",)).filter(pk=page.pk).first()
    if found is None:
        raise ValidationError(_("This booking page was taken away: reload the page."), code="removed")
    if not can_change_page(by, found):
        raise PermissionDenied(_("This booking page is not yours to change."))
    return found


def _fill(page: BookingPage, draft: PageDraft, by: User) -> None:
    for field in fields(PageDraft):
        setattr(page, field.name, getattr(draft, field.name))
    page.title, page.place = " ".join(draft.title.split()), " ".join(draft.place.split())
    page.description = draft.description.replace("\r\n", "\n").strip()
    page.consent = draft.consent.replace("\r\n", "\n").strip()
    _check_hosts(draft, by)
    _check_hours(draft)
    if len(draft.questions) > MOST_OWN_QUESTIONS:
        raise ValidationError(_("At most %(most)s questions are asked.") % {"most": MOST_OWN_QUESTIONS})
    check_questions(draft.questions, kinds=QUESTIONS)
    page.questions = [one.as_json for one in draft.questions]
    page.weekdays = sorted(set(draft.weekdays))
    page.clean_fields(exclude={field.name for field in page._meta.fields} - _TEXTS)
    page.save()


def _check_hosts(draft: PageDraft, by: User) -> None:
    if draft.hosts not in Hosts or (draft.hosts == Hosts.OWNER) != (draft.group is None):
        raise ValidationError({"group": _("Choose the group whose members receive.")})
    if draft.group is not None and not can_lead_page_of(by, draft.group):
        raise ValidationError({"group": _("Times of a group are offered by whoever moderates it.")})


def _check_hours(draft: PageDraft) -> None:
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(draft, name) <= most:
            said = _("Between %(least)s and %(most)s.") % {"least": least, "most": most}
            raise ValidationError({name: said})
    if not draft.weekdays or not set(draft.weekdays) <= set(range(7)):
        raise ValidationError({"weekdays": _("Choose at least one day.")})
    minutes = (draft.ends.hour - draft.begins.hour) * 60 + draft.ends.minute - draft.begins.minute
    if minutes < draft.length_minutes:
        raise ValidationError({"ends": _("No appointment fits between these hours.")})
    try:
        ZoneInfo(draft.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError({"zone": _("This time zone is unknown.")}) from None
