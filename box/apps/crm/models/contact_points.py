"""By what a client is reached: several telephone numbers, e-mails, messengers, pages."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from box.apps.crm.models.records import Record


class ContactPointQuerySet(models.QuerySet["ContactPoint"]):
    def in_order(self) -> Self:
        return self.order_by("record_id", "kind", "rank", "id")

    def reaching(self, kind: str, normal: str) -> Self:
        """Of the records that are there, and are reached by just this."""
        return self.filter(kind=kind, normal=normal, record__deleted_at=None)

    def containing(self, kind: str, part: str) -> models.QuerySet[ContactPoint, int]:
        """Ids of the records that are reached by something with this in it."""
        return self.filter(kind=kind, normal__contains=part).values_list("record_id", flat=True)


class ContactPoint(models.Model):
    class Kind(models.TextChoices):
        PHONE = "phone", _("telephone")
        EMAIL = "email", _("e-mail")
        MESSENGER = "im", _("messenger")
        WEB = "web", _("website")

    class Use(models.TextChoices):
        WORK = "work", _("work")
        MOBILE = "mobile", _("mobile")
        HOME = "home", _("home")
        FAX = "fax", _("fax")
        OTHER = "other", _("other")

    record = models.ForeignKey(Record, models.CASCADE, related_name="contact_points", db_index=False)
    kind = models.CharField(max_length=5, choices=Kind)
    use = models.CharField(max_length=6, choices=Use, default=Use.WORK)
    # As it was written, and as it is compared: `+79161234567`, `anna@example.com`.
    value = models.CharField(max_length=254)
    normal = models.CharField(max_length=254)
    rank = models.CharField(max_length=200, db_collation="C", default="i")

    objects = ContactPointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["record", "kind", "normal"], name="crm_contact_point_once"),
            models.CheckConstraint(condition=~Q(normal=""), name="crm_contact_point_not_empty"),
        ]
        indexes = [
            models.Index(F("kind"), F("normal"), F("record"), name="crm_contact_point_found"),
            # The last digits of a number, a part of an address.
            GinIndex(OpClass(F("normal"), name="gin_trgm_ops"), name="crm_contact_point_part"),
        ]

    def __str__(self) -> str:
        return self.value
