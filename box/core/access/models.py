"""Roles, who was granted them and when, and what people answered to: nothing of it is forgotten.

Every row tells of a span of time. What holds now has no end yet; a change ends one row and begins another.
Rights by field are as they are now: what they were stands in the audit log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone


class SpanQuerySet[M: models.Model](models.QuerySet[M]):
    def current(self) -> Self:
        return self.filter(until=None)

    def at(self, moment: datetime) -> Self:
        """What held at this moment."""
        return self.filter(Q(until=None) | Q(until__gt=moment), since__lte=moment)

    def end(self, now: datetime, **changes: Any) -> int:
        return self.update(until=now, **changes)


class Role(models.Model):
    """A named set of rights. The built-in ones have a key in place of a name, and a row once changed."""

    class Key(models.TextChoices):
        ADMINISTRATORS = "administrators"
        EMPLOYEES = "employees"

    key = models.CharField(max_length=20, choices=Key, blank=True)
    name = models.CharField(max_length=100, blank=True)
    # Unset: as the role is built in, which is with one for administrators.
    needs_second_factor = models.BooleanField(null=True)
    networks = ArrayField(models.CharField(max_length=43), default=list, db_default=[], blank=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=~Q(key=""), name="role_built_in_once"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(deleted_at=None, key=""), name="role_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.key


class RoleRights(models.Model):
    """The rights of a role for a while. `withdrawn`: of those that employees hold unless told otherwise."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="rights")
    rights = ArrayField(models.CharField(max_length=80), default=list)
    withdrawn = ArrayField(models.CharField(max_length=80), default=list)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)

    objects = SpanQuerySet["RoleRights"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["role"], condition=Q(until=None), name="role_rights_now_once")
        ]

    def __str__(self) -> str:
        return f"{self.role_id}: {', '.join(self.rights)}"


class Grant(models.Model):
    """A role for a principal, for a while."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="grants")
    code = models.CharField(max_length=80)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = SpanQuerySet["Grant"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["role", "code"], condition=Q(until=None), name="grant_now_once")
        ]

    def __str__(self) -> str:
        return f"{self.role_id} for {self.code}"


class FieldRight(models.Model):
    """How far a role reaches in a field of an entity; how it is read, see `box.core.access.field_rights`."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="+", db_index=False)
    entity = models.CharField(max_length=40)
    field = models.CharField(max_length=60)
    # Of `FieldLevel`: hidden, seen, changed.
    level = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["role", "entity", "field"], name="field_right_once"),
            models.CheckConstraint(condition=Q(level__gte=0, level__lte=2), name="field_right_has_level"),
        ]

    def __str__(self) -> str:
        return f"{self.role_id}: {self.level} in {self.entity}.{self.field}"


class Standing(models.Model):
    """What a person answered to for a while."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    codes = ArrayField(models.TextField())
    is_administrator = models.BooleanField()
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)

    objects = SpanQuerySet["Standing"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(until=None), name="standing_now_once")
        ]
        indexes = [models.Index(fields=["user", "since"], name="standing_of_person")]

    def __str__(self) -> str:
        return f"{self.user_id} since {self.since:%Y-%m-%d}"
