"""What people keep of lists: views that have a name, and which columns they see."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from box.core.accounts.models import User

LONGEST_KEY = 80
LONGEST_NAME = 60
LONGEST_QUERY = 2000


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def of(self, user: User, list_key: str) -> Self:
        """The person's own, and what others have shared with whoever works here: a view's name and its
        choice say things that are no outside guest's."""
        seen = Q(user=user) if user.is_extranet else Q(user=user) | Q(is_shared=True)
        return self.filter(seen, list_key=list_key)


class SavedView(models.Model):
    """What was chosen of a list, under a name."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    list_key = models.CharField(max_length=LONGEST_KEY)
    name = models.CharField(max_length=LONGEST_NAME)
    # As `Query.address` says it.
    query = models.CharField(max_length=LONGEST_QUERY)
    position = models.PositiveIntegerField(default=0)
    # Everybody who opens the list sees it.
    is_shared = models.BooleanField(default=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "list_key", "name"], name="lists_savedview_once")
        ]
        indexes = [
            models.Index(fields=["list_key"], name="lists_savedview_shared", condition=Q(is_shared=True))
        ]

    def __str__(self) -> str:
        return self.name


class Preference(models.Model):
    """How a person sees a list."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    list_key = models.CharField(max_length=LONGEST_KEY)
    # Keys, in order; none: as the list has them.
    columns = ArrayField(models.CharField(max_length=LONGEST_KEY), default=list, blank=True)
    # What the list opens with.
    view = models.ForeignKey(SavedView, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "list_key"], name="lists_preference_once")]

    def __str__(self) -> str:
        return f"{self.list_key}: {', '.join(self.columns)}"
