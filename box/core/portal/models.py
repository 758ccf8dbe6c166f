"""What the settings alone cannot hold on to."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from box.core.files.models import File
from box.lib.workdays import DayKind


class Logo(models.Model):
    """The company's picture, one row: it keeps the file from being swept away."""

    file = models.ForeignKey(File, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.file.name


class CalendarDay(models.Model):
    """A day that administrators have decided upon, whatever the supplied calendar says of it."""

    class Kind(models.TextChoices):
        OFF = DayKind.OFF.value, _("day off")
        WORKED = DayKind.WORKED.value, _("working day")
        SHORT = DayKind.SHORT.value, _("working day, an hour shorter")
        USUAL = "usual", _("like any day of the week")

    on = models.DateField(unique=True)
    kind = models.CharField(max_length=6, choices=Kind)
    name = models.CharField(max_length=120, blank=True)

    def __str__(self) -> str:
        return f"{self.on}: {self.kind}"
