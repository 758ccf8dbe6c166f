"""Which kinds of records there are, and the ways that those with stages go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


ANY_RECORD = "crm.record"
BUILT_IN = ("lead", "deal", "contact", "company", "quote", "invoice")
"""Slugs of the types that the box brings."""


class RecordType(models.Model):
    """A kind of records. The ids of those that are built in are the `entityTypeId` of Bitrix24's REST API; a
    company's own begin at 1030.

    Source: https://apidocs.bitrix24.com/api-reference/crm/data-types.html#object_type
    """

    class Id(models.IntegerChoices):
        LEAD = 1
        DEAL = 2
        CONTACT = 3
        COMPANY = 4
        QUOTE = 7
        INVOICE = 31

    # Names it in addresses, in rights' scopes and in `Ref.kind`: never changed.
    slug = models.SlugField(max_length=40, unique=True)
    # Of a company's own; those that are built in are named in the reader's language.
    name = models.CharField(_("name of one"), max_length=100, blank=True)
    plural = models.CharField(_("name of many"), max_length=100, blank=True)
    icon = models.CharField(max_length=40, default="box")
    order = models.SmallIntegerField(default=0)

    # What its records have.
    has_stages = models.BooleanField(_("stages"), default=True)
    has_client = models.BooleanField(_("a client: company and contacts"), default=True)
    has_amount = models.BooleanField(_("an amount and lines of products"), default=True)
    # A person's name in place of a title.
    is_person = models.BooleanField(default=False)
    has_contact_points = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return str(_ONE.get(self.pk, self.name))

    @property
    def label(self) -> _StrOrPromise:
        """What many of them are called."""
        return _MANY.get(self.pk, self.plural)

    @property
    def is_paper(self) -> bool:
        """Numbered, printed and sent: it has a `Paper` beside it."""
        return self.pk in {self.Id.QUOTE, self.Id.INVOICE}

    @property
    def is_built_in(self) -> bool:
        return self.pk in _ONE

    @property
    def kind(self) -> str:
        """Of the `Ref` of its records: what a company adds itself is all of one kind, for rooms say which
        kinds there are before they know of any row."""
        return f"crm.{self.slug}" if self.is_built_in else ANY_RECORD

    @property
    def scope(self) -> str:
        """In which permissions are given for it."""
        return f"t{self.pk}"


class PipelineQuerySet(models.QuerySet["Pipeline"]):
    def standing(self) -> Self:
        return self.filter(retired_at=None)

    def in_order(self) -> Self:
        return self.order_by("rank", "id")


class Pipeline(models.Model):
    """A way through stages. Records of a type with stages are always in one; there is at least one."""

    type = models.ForeignKey(RecordType, models.PROTECT, related_name="pipelines")
    # Empty: the type's first, which is called like the type.
    name = models.CharField(_("name"), max_length=100, blank=True)
    rank = models.CharField(max_length=200, db_collation="C")
    retired_at = models.DateTimeField(null=True)

    objects = PipelineQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name or str(self.type.label)

    @property
    def scope(self) -> str:
        return f"p{self.pk}"


class StageQuerySet(models.QuerySet["Stage"]):
    def standing(self) -> Self:
        return self.filter(retired_at=None)

    def in_order(self) -> Self:
        """As a board shows them: what is open, then won, then lost."""
        kinds = [models.When(kind=kind, then=place) for place, kind in enumerate(Stage.Kind.values)]
        return self.order_by(models.Case(*kinds), "rank", "id")


class Stage(models.Model):
    class Kind(models.TextChoices):
        """What a record in it has come to."""

        OPEN = "open", _("in progress")
        WON = "won", _("won")
        LOST = "lost", _("lost")

    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="stages")
    # Bitrix24's STATUS_ID; by it those that are built in are named in the reader's language.
    code = models.CharField(max_length=40)
    name = models.CharField(_("name"), max_length=100, blank=True)
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.OPEN)
    color = models.CharField(max_length=7, default="#4299e1")
    rank = models.CharField(max_length=200, db_collation="C")
    # Names of fields that must be filled before a record comes here.
    demands = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    # Whether permissions are given for this stage apart from its pipeline's.
    has_own_permissions = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True)

    objects = StageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "code"], name="crm_stage_code_once"),
            models.UniqueConstraint(
                fields=["pipeline"], condition=Q(kind="won", retired_at=None), name="crm_pipeline_wins_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(STAGE_NAMES.get(self.code, self.code))

    @property
    def is_open(self) -> bool:
        return self.kind == self.Kind.OPEN

    @property
    def scope(self) -> str:
        """In which permissions are given for what is in it."""
        return f"s{self.pk}" if self.has_own_permissions else f"p{self.pipeline_id}"


class Source(models.Model):
    """Where a client comes from."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True)
    rank = models.CharField(max_length=200, db_collation="C")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["rank", "id"]

    def __str__(self) -> str:
        return self.name or str(SOURCE_NAMES.get(self.code, self.code))


class LossReason(models.Model):
    """Why something was lost, as a company sorts its defeats."""

    name = models.CharField(_("name"), max_length=100)
    rank = models.CharField(max_length=200, db_collation="C")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["rank", "id"]

    def __str__(self) -> str:
        return self.name


_ONE: Mapping[Any, _StrOrPromise] = {
    RecordType.Id.LEAD: _("lead"),
    RecordType.Id.DEAL: _("deal"),
    RecordType.Id.CONTACT: _("contact"),
    RecordType.Id.COMPANY: pgettext_lazy("client", "company"),
    RecordType.Id.QUOTE: _("quote"),
    RecordType.Id.INVOICE: _("invoice"),
}
_MANY: Mapping[Any, _StrOrPromise] = {
    RecordType.Id.LEAD: _("Leads"),
    RecordType.Id.DEAL: _("Deals"),
    RecordType.Id.CONTACT: _("Contacts"),
    RecordType.Id.COMPANY: _("Companies"),
    RecordType.Id.QUOTE: _("Quotes"),
    RecordType.Id.INVOICE: _("Invoices"),
}
STAGE_NAMES: Mapping[str, _StrOrPromise] = {
    "NEW": pgettext_lazy("stage", "New"),
    "IN_PROCESS": pgettext_lazy("stage", "In progress"),
    "PROCESSED": pgettext_lazy("stage", "Qualified"),
    "CONVERTED": pgettext_lazy("stage", "Good lead"),
    "JUNK": pgettext_lazy("stage", "Junk lead"),
    "PREPARATION": pgettext_lazy("stage", "Preparing documents"),
    "NEGOTIATION": pgettext_lazy("stage", "Negotiation"),
    "EXECUTING": pgettext_lazy("stage", "In work"),
    "FINAL_INVOICE": pgettext_lazy("stage", "Final invoice"),
    "WON": pgettext_lazy("stage", "Deal won"),
    "LOSE": pgettext_lazy("stage", "Deal lost"),
    "DRAFT": pgettext_lazy("stage", "Draft"),
    "SENT": pgettext_lazy("stage", "Sent to the client"),
    "APPROVED": pgettext_lazy("stage", "Accepted"),
    "DECLINED": pgettext_lazy("stage", "Declined"),
    "PAID": pgettext_lazy("stage", "Paid"),
    "UNPAID": pgettext_lazy("stage", "Not paid"),
}
SOURCE_NAMES: Mapping[str, _StrOrPromise] = {
    "CALL": _("Call"),
    "EMAIL": _("E-mail"),
    "WEB": _("Website"),
    "WEBFORM": _("Web form"),
    "ADVERTISING": _("Advertising"),
    "PARTNER": _("Existing client"),
    "RECOMMENDATION": _("Recommendation"),
    "TRADE_SHOW": _("Exhibition"),
    "OTHER": pgettext_lazy("source", "Other"),
}
