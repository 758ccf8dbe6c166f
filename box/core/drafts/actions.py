"""Drafts as the box keeps them: what somebody has begun, one row a person and place.

A browser keeps its own too, see `drafts.js`; of the two the newer one is the draft. What another browser has
written since one looked is never overwritten unseen: the person chooses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.drafts.models import Draft
from box.core.files.models import File

PLACE = re.compile(r"[a-z]+(?:-[A-Za-z0-9]+){0,2}")
BROWSER = re.compile(r"[0-9A-Za-z-]{8,40}")
MOST_DRAFTS = 50
MOST_FILES = 100
LONGEST_DRAFT = 400_000
AGE = timedelta(days=90)


class Newer(Exception):
    """Another browser has written since: this is what it wrote."""

    def __init__(self, kept: Draft) -> None:
        super().__init__(f"{kept} is at version {kept.version}")
        self.kept = kept


def draft_at(place: str, *, of: User) -> Draft | None:
    return Draft.objects.filter(user=of, place=place).first()


@transaction.atomic
def keep_draft(place: str, content: Any, *, browser: str, base: int, by: User) -> Draft:
    """Writes over version `base` of the draft, 0 where there was none; raises Newer if another browser has
    written since. Raises ValidationError for what no form of ours sends."""
    _check(place, content, browser)
    # The person's row is what two of their browsers wait for.
    User.objects.select_for_update(no_key=True).only("pk").get(pk=by.pk)
    row = Draft.objects.filter(user=by, place=place).first()
    if row is None:
        row = Draft(user=by, place=place, version=0)
    elif row.version != base and row.browser != browser:
        raise Newer(row)
    row.content, row.browser, row.version, row.saved_at = content, browser, row.version + 1, timezone.now()
    row.save()
    own = File.objects.owned_by(by).unattached().filter(pk__in=_file_ids(content))
    row.files.set(own.values_list("pk", flat=True))
    oldest = Draft.objects.filter(user=by).order_by("-saved_at", "-id").values_list("pk", flat=True)
    Draft.objects.filter(pk__in=list(oldest[MOST_DRAFTS:])).delete()
    return row


def drop_draft(place: str, *, by: User) -> None:
    """It was sent, or nothing is left of it."""
    if place:
        Draft.objects.filter(user=by, place=place).delete()


def forget_drafts(*, before: datetime) -> int:
    """Those that nobody has come back to; returns how many."""
    return Draft.objects.filter(saved_at__lt=before).delete()[0]


def _check(place: str, content: Any, browser: str) -> None:
    is_right = isinstance(content, dict) and isinstance(content.get("fields"), dict)
    if not is_right or len(place) > 60 or not PLACE.fullmatch(place) or not BROWSER.fullmatch(browser):
        raise ValidationError(_("This draft is not understood: reload the page."), code="malformed")
    said = json.dumps(content, ensure_ascii=False)
    if len(said) > LONGEST_DRAFT or "\\u0000" in said:
        raise ValidationError(_("This draft is too long to be kept on the box."), code="long")


def _file_ids(content: dict[str, Any]) -> Iterable[int]:
    detail = content.get("detail")
    files = detail.get("files") if isinstance(detail, dict) else None
    for one in files[:MOST_FILES] if isinstance(files, list) else ():
        if isinstance(one, dict) and isinstance(one.get("id"), int) and 0 < one["id"] < 2**63:
            yield one["id"]
