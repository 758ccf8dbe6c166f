"""What roles may do in the CRM; how it is read, see `box.apps.crm.permissions`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from box.apps.crm.permissions import Level, Operation
from box.core.access.models import Role


class Permission(models.Model):
    """How far a role reaches in a scope. Where none stands that of the wider scope holds: a stage's is its
    pipeline's, a pipeline's its type's."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="+", db_index=False)
    # `t2` a type, `p7` a pipeline, `s31` a stage.
    scope = models.CharField(max_length=24)
    operation = models.CharField(max_length=6, choices=[(one.value, one.name) for one in Operation])
    level = models.SmallIntegerField(_("level"), choices=[(one.value, one.name) for one in Level])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["role", "scope", "operation"], name="crm_permission_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role_id}: {self.operation} in {self.scope}: {self.level}"
