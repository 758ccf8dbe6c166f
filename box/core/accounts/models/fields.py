"""The fields of profiles that administrators define."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class OwnFieldQuerySet(models.QuerySet["OwnField"]):
    def standing(self) -> Self:
        """Those that profiles show: not archived."""
        return self.filter(archived_at=None)

    def in_order(self) -> Self:
        return self.order_by("place", "id")


class OwnField(models.Model):
    """A field of profiles that administrators define. What a value may be: `custom_fields`."""

    class Kind(models.TextChoices):
        TEXT = "text", _("text")
        NUMBER = "number", _("number")
        DATE = "date", _("date")
        CHOICE = "choice", _("one of a list")
        YES_NO = "yes_no", _("yes or no")
        LINK = "link", _("link")

    class Readers(models.TextChoices):
        EVERYBODY = "everybody", _("everybody who works here")
        PERSON = "person", _("only the person and who may edit people")

    class Writers(models.TextChoices):
        PERSON = "person", _("the person, and who may edit people")
        EDITORS = "editors", _("only who may edit people")

    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.TEXT)
    choices = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    readers = models.CharField(_("seen by"), max_length=9, choices=Readers, default=Readers.EVERYBODY)
    writers = models.CharField(_("filled in by"), max_length=7, choices=Writers, default=Writers.PERSON)
    is_required = models.BooleanField(_("must be filled in"), default=False)
    place = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)

    objects = OwnFieldQuerySet.as_manager()

    class Meta:
        verbose_name = _("field of profiles")
        verbose_name_plural = _("fields of profiles")
        constraints = [
            models.UniqueConstraint(
                Lower("name"), name="own_field_name_once", condition=models.Q(archived_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """What it is called where fields are called by name, whatever people call it."""
        return f"own-{self.pk}"
