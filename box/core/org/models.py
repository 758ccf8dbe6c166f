"""Departments, a tree, and who belongs to them."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class DepartmentQuerySet(models.QuerySet["Department"]):
    def by_name(self) -> Self:
        return self.order_by("name", "id")


class Department(models.Model):
    name = models.CharField(_("name"), max_length=200, db_collation="und-x-icu")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    # The ids from the root down to this one: whoever belongs here answers to the DR code of each.
    path = ArrayField(models.BigIntegerField(), default=list, editable=False)

    objects = DepartmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str:
        """The members of this very department."""
        return f"D{self.pk}"

    @property
    def code_with_below(self) -> str:
        """The members of this department and of all below it."""
        return f"DR{self.pk}"


class Membership(models.Model):
    class Role(models.TextChoices):
        MEMBER = "member", _("member")
        DEPUTY = "deputy", _("deputy")
        HEAD = "head", _("head")

    department = models.ForeignKey(Department, models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "department"], name="membership_once"),
            models.UniqueConstraint(
                fields=["department"], condition=models.Q(role="head"), name="department_has_one_head"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.department_id}"
