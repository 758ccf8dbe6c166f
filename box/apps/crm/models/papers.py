"""Quotes and invoices: what they have beside the record that each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from box.apps.crm.models.records import Record
from box.apps.crm.models.types import RecordType
from box.core.accounts.models import User
from box.core.files.models import Blob

if TYPE_CHECKING:
    from datetime import date, datetime


_links = Signer(salt="crm.paper-link")


class NumberSeries(models.Model):
    """How papers of a type are numbered. Its row is held while one gets its number: there are no gaps, and no
    number is given twice."""

    class Restart(models.TextChoices):
        NEVER = "never", _("never")
        YEARLY = "yearly", _("each year")
        MONTHLY = "monthly", _("each month")

    type = models.OneToOneField(RecordType, models.CASCADE, primary_key=True, related_name="series")
    # See `box.apps.crm.numbering`.
    pattern = models.CharField(_("how a number is written"), max_length=60, default="{number}")
    restart = models.CharField(_("begins again"), max_length=7, choices=Restart, default=Restart.NEVER)
    # Such as `2026`: of which time `last` is.
    period = models.CharField(max_length=7, blank=True)
    last = models.PositiveIntegerField(_("last number"), default=0)

    def __str__(self) -> str:
        return self.pattern


class Seller(models.Model):
    """In whose name a company writes papers: itself, or one of its firms."""

    name = models.CharField(_("name"), max_length=255)
    tax_number = models.CharField(_("tax number"), max_length=30, blank=True)
    # КПП, ОГРН.
    reason_code = models.CharField(_("KPP"), max_length=30, blank=True)
    registration = models.CharField(_("OGRN"), max_length=30, blank=True)
    address = models.CharField(_("address"), max_length=400, blank=True)
    phone = models.CharField(_("telephone"), max_length=60, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    bank = models.CharField(_("bank"), max_length=255, blank=True)
    bank_code = models.CharField(_("BIK or SWIFT"), max_length=30, blank=True)
    account = models.CharField(pgettext_lazy("bank", "account"), max_length=60, blank=True)
    correspondent_account = models.CharField(_("correspondent account"), max_length=60, blank=True)
    director = models.CharField(_("director"), max_length=150, blank=True)
    accountant = models.CharField(_("chief accountant"), max_length=150, blank=True)
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class PaperTemplate(models.Model):
    """How a company's papers look: in which language, in which colour, with which words around the lines."""

    type = models.ForeignKey(RecordType, models.CASCADE, related_name="templates")
    name = models.CharField(_("name"), max_length=100)
    language = models.CharField(_("language"), max_length=7, choices=settings.LANGUAGES)
    color = models.CharField(_("colour"), max_length=7, default="#206bc4")
    opening = models.TextField(_("words above the products"), max_length=4000, blank=True)
    closing = models.TextField(_("words below the products"), max_length=4000, blank=True)
    # For how many days what is offered holds, or until when it is to be paid.
    days = models.PositiveSmallIntegerField(_("days"), default=10)
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class PaperQuerySet(models.QuerySet["Paper"]):
    def waiting_for_pdf(self) -> Self:
        return self.filter(pdf_wanted_at__isnull=False, pdf_attempts__lt=Paper.MOST_ATTEMPTS)


class Paper(models.Model):
    """Its days are the record's: `begins_on` is the day it is of, `expected_on` until when it holds or is to
    be paid. Who sees a paper of a deal is who sees the deal: a trigger gives it the deal's audience."""

    MOST_ATTEMPTS = 3

    record = models.OneToOneField(Record, models.CASCADE, primary_key=True, related_name="paper")
    deal = models.ForeignKey(Record, models.PROTECT, null=True, related_name="papers")
    type = models.ForeignKey(RecordType, models.PROTECT, related_name="+", db_index=False)
    number = models.CharField(_("number"), max_length=80)
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="+")
    template = models.ForeignKey(PaperTemplate, models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField(null=True)
    sent_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    pdf = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+")
    # Of the page that the PDF was made of.
    pdf_digest = models.CharField(max_length=64, blank=True)
    # Since when one is to be made; None: the one that is there is right, or nobody wants one.
    pdf_wanted_at = models.DateTimeField(null=True)
    pdf_attempts = models.PositiveSmallIntegerField(default=0)

    objects = PaperQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["type", "number"], name="crm_paper_number_once")]
        indexes = [
            models.Index(
                fields=["pdf_wanted_at"], name="crm_paper_pdf", condition=Q(pdf_wanted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_failing(self) -> bool:
        return self.pdf_wanted_at is not None and self.pdf_attempts >= self.MOST_ATTEMPTS


class PaperLinkQuerySet(models.QuerySet["PaperLink"]):
    def open(self, now: datetime) -> Self:
        """Those that lead somewhere: whoever has left the company shows nobody the way any more."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.filter(unexpired, ended_at=None).exclude(created_by__status=User.Status.DISMISSED)

    def of_token(self, token: str) -> Self:
        """The link that this token opens, whether or not it still leads somewhere."""
        try:
            return self.filter(pk=int(_links.unsign(token)))
        except (BadSignature, ValueError):
            return self.none()


class PaperLink(models.Model):
    """A way to a paper for the client, without an account. The address is made of the number and the portal's
    own key: no copy of the database opens anything."""

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="links")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    opened_count = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)

    objects = PaperLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.pk} to {self.paper_id}"

    @property
    def token(self) -> str:
        return _links.sign(str(self.pk))

    def get_absolute_url(self) -> str:
        return reverse("crm:outside", args=[self.token])


class PaymentQuerySet(models.QuerySet["Payment"]):
    def between(self, first: date, last: date) -> Self:
        return self.filter(on__gte=first, on__lte=last)

    def newest_first(self) -> Self:
        return self.order_by("-on", "-id")


class Payment(models.Model):
    """Money that came for a record, or went out for it."""

    class Direction(models.TextChoices):
        IN = "in", pgettext_lazy("payment", "received")
        OUT = "out", pgettext_lazy("payment", "spent")

    record = models.ForeignKey(Record, models.CASCADE, related_name="payments", db_index=False)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction, default=Direction.IN)
    # In the record's currency; and in the company's, by the rate of the day on which it was written down.
    amount = models.DecimalField(_("amount"), max_digits=18, decimal_places=2)
    base_amount = models.DecimalField(max_digits=18, decimal_places=2)
    on = models.DateField(_("day"))
    note = models.CharField(_("what for"), max_length=255, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="crm_payment_is_something")]
        indexes = [
            models.Index(F("record"), F("on"), F("id"), name="crm_payment_of_record"),
            models.Index(F("on"), F("direction"), name="crm_payment_by_day"),
            models.Index(F("on"), F("id"), name="crm_payment_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.direction} {self.on}"
