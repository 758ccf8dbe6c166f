"""What people send to the feed."""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.feed.actions import Draft, save_badge
from box.apps.feed.models import Badge
from box.apps.feed.polls import Question
from box.core.files.store import StoreUnavailable

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.core.accounts.models import User

log = logging.getLogger(__name__)


def draft_of(data: QueryDict) -> Draft:
    """The post as it was sent. Raises ValidationError for files that are no ids."""
    try:
        file_ids = tuple(int(value) for value in data.getlist("files"))
    except ValueError:
        raise ValidationError(
            _("One of the files is not understood: attach it again."), code="files"
        ) from None
    return Draft(
        text=data.get("text", ""),
        html=data.get("html", ""),
        audience=tuple(data.getlist("audience")),
        file_ids=file_ids,
        question=_question_of(data),
        is_announcement="announcement" in data,
        read_by_on=_day(data.get("read_by", "")) if "announcement" in data else None,
    )


def _question_of(data: QueryDict) -> Question | None:
    options = tuple(data.get("options", "").splitlines())
    if not any(one.strip() for one in options):
        return None
    return Question(options, "multiple" in data, "anonymous" in data, moment_of(data.get("closes_at", "")))


def moment_of(value: str) -> datetime | None:
    """As a browser's field gives it, in the writer's time zone."""
    if not value:
        return None
    try:
        return timezone.make_aware(datetime.fromisoformat(value).replace(tzinfo=None))
    except ValueError:
        raise ValidationError(_("This moment is not understood."), code="moment") from None


def _day(value: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValidationError(_("This day is not understood."), code="day") from None


class BadgeForm(forms.ModelForm[Badge]):
    upload = forms.FileField(
        label=gettext_lazy("A picture of your own"),
        required=False,
        widget=forms.FileInput({"accept": "image/png,image/jpeg,image/webp,image/gif"}),
        help_text=gettext_lazy("Instead of the drawn one. It is made small; what is transparent stays so."),
    )
    is_drawn = forms.BooleanField(label=gettext_lazy("Show the drawn picture again"), required=False)

    class Meta:
        model = Badge
        fields = ("name_en", "name_ru", "picture", "is_gift")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.own_picture_id:
            del self.fields["is_drawn"]

    def save_by(self, by: User) -> bool:
        """Whether it was saved: of what was wrong with the picture the form tells."""
        try:
            file = self.cleaned_data["upload"]
            save_badge(
                self.save(commit=False),
                picture=file.file if file else None,
                is_drawn=self.cleaned_data.get("is_drawn", False),
                by=by,
            )
        except ValidationError as error:
            self.add_error("upload", error)
        except StoreUnavailable as error:
            log.error("%s", error)
            self.add_error("upload", _("Files are not reachable right now. Try again in a minute."))
        return not self.errors
