"""Every change to the portal's settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.principals import EVERYONE
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files import actions as files
from box.core.files.display import PICTURES
from box.core.files.models import Blob, File
from box.core.files.store import StoreUnavailable
from box.core.portal.events import CalendarChanged, SettingsChanged
from box.core.portal.models import CalendarDay, Logo
from box.core.portal.setup import OFFERED, PASSED
from box.core.registry.company import LOGO
from box.core.registry.settings import raise_version, settings, store

MASK = "***"


@transaction.atomic
def change_settings(values: Mapping[str, Any], *, by: User) -> tuple[str, ...]:
    """Stores secrets, and what differs from what holds now; returns their keys. Raises NotOffered."""
    # Whether a secret differs, only its seal could tell: one of another box is to be replaced all the same.
    changed = {
        key: value for key, value in values.items() if settings[key].is_secret or value != settings[key].value
    }
    if not changed:
        return ()
    changes = tuple(
        (key, MASK, MASK) if settings[key].is_secret else (key, settings[key].value, value)
        for key, value in changed.items()
    )
    store(changed)
    emit(SettingsChanged(changes=changes, by_id=by.pk))
    return tuple(changed)


@transaction.atomic
def change_logo(file_id: int | None, *, by: User) -> None:
    """Shows this upload of the person's above every page; None goes back to the portal's own."""
    before = list(Logo.objects.select_for_update().values_list("pk", "file"))
    if file_id is not None:
        (file,) = files.attach([file_id], audience=[EVERYONE], by=by)
        if not _is_picture(file.blob):
            raise ValidationError(_("Choose a picture: PNG, JPEG, GIF or WebP."), code="picture")
        Logo.objects.create(file=file)
    change_settings({LOGO.key: file_id or 0}, by=by)
    Logo.objects.filter(pk__in=[pk for pk, _file in before]).delete()
    files.delete_files([file for _pk, file in before])


def _is_picture(blob: Blob) -> bool:
    """Looked into at once: every open page asks for it, maybe sooner than a job has come to it."""
    if blob.inspected_at is None:
        try:
            files.inspect_blob(blob, now=timezone.now())
        except StoreUnavailable as error:
            said = _("Files are not reachable right now. Try again in a minute.")
            raise ValidationError(said, code="store") from error
        blob.refresh_from_db()
    return blob.content_type in PICTURES


def logo_file() -> File | None:
    logo = Logo.objects.select_related("file__blob__preview").order_by("-pk").first()
    return logo.file if logo else None


@transaction.atomic
def decide_day(day: date, kind: str, *, name: str = "", by: User) -> None:
    """The company's own word about a day, over the supplied calendar's."""
    CalendarDay.objects.update_or_create(
        on=day, defaults={"kind": CalendarDay.Kind(kind), "name": name.strip()}
    )
    _tell_of_day(day, kind, by=by)


@transaction.atomic
def forget_day(day: date, *, by: User) -> None:
    """The day follows the supplied calendar again."""
    if CalendarDay.objects.filter(on=day).delete()[0]:
        _tell_of_day(day, "", by=by)


def _tell_of_day(day: date, kind: str, *, by: User) -> None:
    raise_version()
    emit(CalendarChanged(on=day, kind=kind, by_id=by.pk))


def offer_setup(*, by: User) -> None:
    """From now on nobody is led there who does not ask for it."""
    change_settings({OFFERED.key: True}, by=by)


def pass_step(step: str, *, by: User) -> None:
    """Done or skipped: both are behind one."""
    change_settings({PASSED.key: sorted({*PASSED.value, step})}, by=by)
