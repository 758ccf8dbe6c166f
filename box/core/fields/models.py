"""Fields that companies define, and the values that objects have in them.

A value is a row, in the column of its kind: so an index serves every list that filters or sorts by it, and a
person or a file in a field is a foreign key like any other (docs/dev/decisions/0150-values-are-rows.md).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Left, Lower, Upper
from django.utils.translation import gettext_lazy as _

from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

# So much of a text is compared when a list is sorted: an index holds no long ones.
SORTED_BY = 100


_KEY = "own-"


def number_in(key: str) -> int | None:
    """Of the field that is called so, see `Field.key`; None of what is no such key."""
    return whole_number(key.removeprefix(_KEY)) if key.startswith(_KEY) else None


def sorted_text(column: str) -> Collate:
    """A text as people sort it, Ё after Е, in the length that an index holds."""
    return Collate(Left(Lower(column), SORTED_BY), "und-x-icu")


class FieldQuerySet(models.QuerySet["Field"]):
    def standing(self) -> Self:
        """Those that objects show: not archived."""
        return self.filter(archived_at=None)

    def of(self, set_key: str) -> Self:
        return self.filter(set_key=set_key)

    def in_order(self) -> Self:
        return self.order_by("place", "id").prefetch_related("choices")


class Field(models.Model):
    """A field of a set, such as that of deals. What its values are: `box.core.fields.kinds`."""

    class Kind(models.TextChoices):
        TEXT = "text", _("text")
        LONG = "long", _("long text")
        NUMBER = "number", _("number")
        MONEY = "money", _("money")
        DATE = "date", _("date")
        MOMENT = "moment", _("date and time")
        CHOICE = "choice", _("one of a list")
        YES_NO = "yes_no", _("yes or no")
        PERSON = "person", _("person")
        DEPARTMENT = "department", _("department")
        LINK = "link", _("link")
        PHONE = "phone", _("phone")
        EMAIL = "email", _("e-mail")
        FILE = "file", _("file")
        REFERENCE = "reference", _("something of the portal")

    set_key = models.CharField(max_length=60, editable=False)
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.TEXT)
    # By which programs know it, whatever people call it: UF_7 unless whoever added it said otherwise.
    code = models.CharField(_("name for programs"), max_length=50, blank=True)
    help = models.CharField(_("hint"), max_length=200, blank=True)
    is_several = models.BooleanField(_("several values"), default=False)
    is_required = models.BooleanField(_("must be filled in"), default=False)
    # Of money the usual currency; of a reference the kind of what it points at.
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    target = models.CharField(_("points at"), max_length=60, blank=True)
    # Words of the set, where it has any: see `FieldSet.readers`.
    readers = models.CharField(_("seen by"), max_length=20, blank=True)
    writers = models.CharField(_("filled in by"), max_length=20, blank=True)
    place = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)

    objects = FieldQuerySet.as_manager()

    class Meta:
        verbose_name = _("field")
        verbose_name_plural = _("fields")
        constraints = [
            models.UniqueConstraint(
                "set_key", Lower("name"), name="field_name_once", condition=Q(archived_at=None)
            ),
            models.UniqueConstraint(
                fields=["set_key", "code"], name="field_code_once", condition=~Q(code="")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """What it is called in forms, in the columns of imports and in mappings of directories."""
        return f"{_KEY}{self.pk}"

    @cached_property
    def options(self) -> Sequence[Choice]:
        """What there is to choose from and was, in order; a queryset of `in_order` has read it already."""
        return sorted(self.choices.all(), key=lambda one: (one.place, one.pk)) if self.pk else []


class Choice(models.Model):
    """Something to choose. Retired, it stays with the objects that have it, and nobody chooses it again."""

    field = models.ForeignKey(Field, models.CASCADE, related_name="choices")
    name = models.CharField(max_length=100)
    place = models.PositiveIntegerField(default=0)
    is_retired = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint("field", Lower("name"), name="choice_once_a_field")]

    def __str__(self) -> str:
        return self.name


class Value(models.Model):
    """What an object has in a field: a row a value, in the one column that its kind has."""

    field = models.ForeignKey(Field, models.CASCADE, related_name="+", db_index=False)
    object_id = models.BigIntegerField()
    place = models.PositiveSmallIntegerField(default=0)

    text = models.TextField(null=True)  # noqa: DJ001 - of other kinds there is none
    number = models.DecimalField(max_digits=30, decimal_places=15, null=True)
    currency = models.CharField(max_length=3, db_default="", default="")
    day = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    choice = models.ForeignKey(Choice, models.PROTECT, null=True, related_name="+", db_index=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", db_index=False
    )
    file = models.ForeignKey("files.File", models.PROTECT, null=True, related_name="+", db_index=False)
    target = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            # Reads what an object has; the others find and sort objects by what they have.
            models.UniqueConstraint(fields=["object_id", "field", "place"], name="value_once"),
        ]
        indexes = [
            models.Index(
                *(F("field"), sorted_text("text"), F("object_id")),
                name="value_by_text",
                condition=Q(text__isnull=False),
            ),
            GinIndex(
                OpClass(Upper("text"), name="gin_trgm_ops"),
                name="value_containing",
                condition=Q(text__isnull=False),
            ),
            *(
                models.Index(
                    fields=["field", column, "object_id"],
                    name=f"value_by_{column}",
                    condition=Q(**{f"{column}__isnull": False}),
                )
                for column in ("number", "day", "moment", "choice", "target")
            ),
            # The person and the file first: what points at one is found when it goes.
            *(
                models.Index(
                    fields=[column, "field", "object_id"],
                    name=f"value_by_{column}",
                    condition=Q(**{f"{column}__isnull": False}),
                )
                for column in ("person", "file")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.field_id} of {self.object_id}"
