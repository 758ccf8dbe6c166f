"""What is known of people beside their accounts: skills, absences, the square of a photo."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SkillQuerySet(models.QuerySet["Skill"]):
    def by_name(self) -> Self:
        return self.order_by("name", "id")

    def beginning(self, text: str) -> Self:
        """Those whose name, or a word of it, begins like this."""
        start = skill_key(text)
        return self.filter(models.Q(key__startswith=start) | models.Q(key__contains=f" {start}"))


class Skill(models.Model):
    """Something that people can do, by the name that whoever wrote it first gave it."""

    name = models.CharField(max_length=60, db_collation="und-x-icu")
    # The name as it is compared: small letters, single spaces.
    key = models.CharField(max_length=60, unique=True)

    objects = SkillQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class PersonSkill(models.Model):
    """A skill that stands on somebody's profile."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="skills", db_index=False)
    skill = models.ForeignKey(Skill, models.CASCADE, related_name="people")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "skill"], name="skill_once_a_person")]

    def __str__(self) -> str:
        return f"{self.skill_id} of {self.user_id}"


class SkillConfirmation(models.Model):
    """A colleague knows that the person can do it."""

    of = models.ForeignKey(PersonSkill, models.CASCADE, related_name="confirmations", db_index=False)
    by = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["of", "by"], name="skill_confirmed_once")]

    def __str__(self) -> str:
        return f"{self.of_id} by {self.by_id}"


def skill_key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def on(self, day: date) -> Self:
        return self.filter(starts_on__lte=day, ends_on__gte=day)

    def within(self, first: date, last: date) -> Self:
        """Those of which at least a day is between these, both included."""
        return self.filter(starts_on__lte=last, ends_on__gte=first)


class Absence(models.Model):
    """Whole days on which a person isn't at work, from the first to the last of them.

    It holds as soon as it is written down. Two of one person never share a day.
    """

    class Kind(models.TextChoices):
        VACATION = "vacation", _("vacation")
        TRIP = "trip", _("business trip")
        SICK = "sick", _("sick leave")
        OTHER = "other", _("other absence")

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="absences", db_index=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.VACATION)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    comment = models.CharField(_("comment for colleagues"), max_length=200, blank=True)
    substitute = models.ForeignKey("accounts.User", models.SET_NULL, null=True, blank=True, related_name="+")
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", db_index=False)
    written_at = models.DateTimeField(default=timezone.now)

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")), name="absence_ends_after_it_began"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-ends_on"], name="absence_of_person"),
            # Whoever is out on a day is found among those who are not back yet.
            models.Index(fields=["ends_on", "starts_on"], name="absence_by_days"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind} {self.starts_on} – {self.ends_on}"


class PhotoSquare(models.Model):
    """Which square of which picture a person's photo is, so that another one can be chosen later.

    The picture is what was sent, made smaller, upright, without what came with it. The numbers are
    its pixels.
    """

    photo = models.OneToOneField("files.Blob", models.PROTECT, primary_key=True, related_name="+")
    picture = models.ForeignKey("files.Blob", models.PROTECT, related_name="+")
    left = models.PositiveIntegerField()
    top = models.PositiveIntegerField()
    side = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.side} pixels of {self.picture_id}"
