"""What somebody is to bring in."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User


class PlanQuerySet(models.QuerySet["Plan"]):
    def within(self, first: date, last: date) -> Self:
        """Of the months that begin between these days."""
        return self.filter(month__gte=first, month__lte=last)


class Plan(models.Model):
    """The revenue that is expected of a person in a month, in the company's currency."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    # Its first day.
    month = models.DateField()
    amount = models.DecimalField(
        _("amount"), max_digits=18, decimal_places=2, validators=[MinValueValidator(0)]
    )

    objects = PlanQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "month"], name="crm_plan_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="crm_plan_is_something"),
            models.CheckConstraint(condition=Q(month__day=1), name="crm_plan_of_a_month"),
        ]
        indexes = [models.Index(fields=["month", "user"], name="crm_plan_by_month")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.month:%Y-%m}: {self.amount}"
