"""Departments, a tree, and who belongs to them."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _


class DepartmentQuerySet(models.QuerySet["Department"]):
    def by_name(self) -> Self:
        return self.order_by("name", "id")

    def standing(self) -> Self:
        """Those one can belong to: not merged into another."""
        return self.filter(merged_into=None)

    def within(self, department: Department) -> Self:
        """This department and all below it."""
        return self.filter(path__contains=[department.pk])


class Department(models.Model):
    name = models.CharField(_("name"), max_length=200, db_collation="und-x-icu")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    # The ids from the root down to this one: whoever belongs here answers to the DR code of each.
    path = ArrayField(models.BigIntegerField(), default=list, editable=False)
    # What was addressed to a department that is no more reaches the people of the one it went into.
    merged_into = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="merged", editable=False
    )
    # The outside source that owns it, by its name: here it is only shown.
    source = models.CharField(max_length=100, blank=True, db_default="", editable=False)

    objects = DepartmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        indexes = [GinIndex(fields=["path"], name="department_path", fastupdate=False)]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(parent=models.F("id")), name="department_is_not_its_own_parent"
            ),
        ]

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


class MembershipQuerySet(models.QuerySet["Membership"]):
    def leading(self) -> Self:
        """Heads and deputies, heads first."""
        return self.exclude(role=Membership.Role.MEMBER).order_by(
            models.Case(models.When(role=Membership.Role.HEAD, then=0), default=1), "id"
        )


class Membership(models.Model):
    class Role(models.TextChoices):
        MEMBER = "member", _("member")
        DEPUTY = "deputy", _("deputy")
        HEAD = "head", _("head")

    department = models.ForeignKey(Department, models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role, default=Role.MEMBER)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "department"], name="membership_once"),
            models.UniqueConstraint(
                fields=["department"], condition=models.Q(role="head"), name="department_has_one_head"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.department_id}"
