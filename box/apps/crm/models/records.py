"""Records, and what links them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.crm.models.types import LossReason, Pipeline, RecordType, Source, Stage
from box.apps.crm.permissions import Operation, codes_to_read, granted_codes, sees_whole_scope
from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.fields.lookups import FieldValues
from box.core.registry.capabilities import Ref
from box.core.registry.company import PHONE_REGION
from box.core.registry.external import external_column, external_index
from box.lib import phones

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from box.apps.crm.models.contact_points import ContactPoint
    from box.lib.prepared import Param


SHORTEST_NUMBER = 5
MOST_WORDS = 8
MOST_REACHED = 1000


class ScopedQuerySet[M: AudienceModel](AudienceQuerySet[M]):
    """Rows whose audience says by whom, of which department and in which scope they are kept: one rule for
    all that may be done with them."""

    def visible_to(self, user: User) -> Self:
        if not user.is_active or user.is_administrator:
            return super().visible_to(user)
        codes = codes_to_read(user)
        return self.reachable_by_many(codes) if sees_whole_scope(codes) else self.reachable_by_few(codes)

    def permitted(self, user: User, operation: Operation) -> Self:
        """Of what is visible that which this person may change, delete or export."""
        if not user.is_active or user.is_administrator:
            return super().visible_to(user)
        return self.filter(audience__overlap_walking=sorted(granted_codes(user, operation)))


class RecordQuerySet(ScopedQuerySet["Record"]):
    def there(self) -> Self:
        """What is not in the trash, and was not merged into another one."""
        return self.filter(deleted_at=None)

    def of_type(self, type_id: int | Param) -> Self:
        return self.filter(type=type_id)

    def in_work(self) -> Self:
        return self.filter(closed_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def on_board(self) -> Self:
        """As a column shows them."""
        return self.order_by("rank", "-id")

    def without_next_step(self) -> Self:
        """Work that has been left lying: open, and nothing is planned."""
        return self.in_work().filter(next_step_at=None)

    def overdue(self, now: datetime) -> Self:
        return self.in_work().filter(next_step_at__lt=now)

    def matching(
        self,
        text: str,
        sees: Callable[[str], bool] = lambda name: True,
        *,
        clients: RecordQuerySet | None = None,
    ) -> Self:
        """By what the text looks like: an e-mail address, a telephone or tax number, else words of the title.
        Each is answered by an index of its own, so that numbers are looked up before rows are. What has one
        of these `clients` is found by their addresses and numbers too.

        Whoever does not see a field finds nothing by it."""
        found = self._reached_by(text, sees)
        if found is None:
            named = self
            for word in text.split()[:MOST_WORDS]:
                named = named.filter(title__icontains=word)
            return named
        if clients is None:
            return self.filter(pk__in=found)
        theirs = clients.filter(pk__in=found).values_list("pk", flat=True)[:MOST_REACHED]
        links = Link.objects.filter(to__in=list(theirs), role__in=(Link.Role.CONTACT, Link.Role.COMPANY))
        # By OR every record would be held against both: no index answers that.
        own = self.model.objects.filter(pk__in=found)
        return self.filter(pk__in=own.values("pk").union(links.values("record")))

    def numbered(self, number: str, type_id: int) -> Self:
        """The paper of this type with this number."""
        return self.filter(paper__type=type_id, paper__number=number)

    def _reached_by(
        self, text: str, sees: Callable[[str], bool]
    ) -> list[int] | models.QuerySet[ContactPoint, int] | None:
        """Whose address or number this is; None where it is neither."""
        from box.apps.crm.models.contact_points import ContactPoint

        if "@" in text and sees("reached_by"):
            return ContactPoint.objects.containing("email", text.lower())
        number = phones.normal(text, PHONE_REGION.value) or text
        digits = "".join(sign for sign in number if sign.isdigit())
        if len(digits) >= SHORTEST_NUMBER and not any(sign.isalpha() for sign in text):
            found: list[int] = []
            if sees("reached_by"):
                found += ContactPoint.objects.containing("phone", digits)[:MOST_REACHED]
            if sees("tax_number"):
                taxed = self.model.objects.filter(tax_number="".join(text.split()))
                found += taxed.values_list("pk", flat=True)[:MOST_REACHED]
            return found
        return None


class Record(AudienceModel):
    """A lead, a deal, a contact, a company, a paper or something of a company's own.

    `audience` holds `crm:p7:U17`, `crm:p7:D5`, `crm:p7:DR1` ... of whoever is responsible (see
    `box.apps.crm.permissions`), and `U44` of observers.
    """

    type = models.ForeignKey(RecordType, models.PROTECT, related_name="records", db_index=False)
    pipeline = models.ForeignKey(Pipeline, models.PROTECT, null=True, related_name="records", db_index=False)
    stage = models.ForeignKey(Stage, models.PROTECT, null=True, related_name="records", db_index=False)
    stage_since = models.DateTimeField(default=timezone.now)
    # Among the records of its stage.
    rank = models.CharField(max_length=200, db_collation="C", default="i")

    # Of a person it is the name as it is shown.
    title = models.CharField(_("title"), max_length=255, db_collation="und-x-icu")
    # How it sounds, in either script: by that duplicates are found.
    sound = models.CharField(max_length=1000, blank=True, editable=False)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    patronymic = models.CharField(_("patronymic"), max_length=100, blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    position = models.CharField(_("position"), max_length=150, blank=True)
    born_on = models.DateField(_("date of birth"), null=True, blank=True)
    tax_number = models.CharField(_("tax number"), max_length=30, blank=True)
    address = models.CharField(_("address"), max_length=400, blank=True)
    comment = models.TextField(_("comment"), max_length=20_000, blank=True)

    amount = models.DecimalField(
        _("amount"), max_digits=18, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    # The amount in the company's currency, by the rate of the last change: what is added up.
    base_amount = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0))
    # False: the amount is the sum of the lines.
    has_own_amount = models.BooleanField(default=True)
    begins_on = models.DateField(_("begins on"), null=True, blank=True)
    expected_on = models.DateField(_("expected to end on"), null=True, blank=True)

    source = models.ForeignKey(
        Source, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("source")
    )
    source_note = models.CharField(_("about the source"), max_length=400, blank=True)
    # As campaigns mark their links: {"utm_source": "mail", ...}.
    utm = models.JSONField(default=dict, blank=True)

    company = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)
    contact = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)

    # Of what was lost.
    loss_reason = models.ForeignKey(
        LossReason, models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("why it was lost"),
    )  # fmt: skip

    thread = models.OneToOneField(Thread, models.PROTECT, related_name="+")
    responsible = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    changed_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    # The moment of the earliest open activity; None: nothing is planned.
    next_step_at = models.DateTimeField(null=True)

    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="merged", db_index=False)
    # What it has in the company's own fields.
    custom = FieldValues()
    # ORIGIN_ID of Bitrix24, and XML_ID of its invoices and a company's own entities.
    external_id = external_column()
    # Which program calls it so (ORIGINATOR_ID), and of which version of its own it was made (ORIGIN_VERSION).
    external_source = external_column(_("external source"))
    external_version = external_column(_("external version"))

    objects: ClassVar[RecordQuerySet] = RecordQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        indexes = [
            # As AudienceModel's own, under a name that no other room's Record has.
            GinIndex(fields=["audience"], name="crm_record_audience", fastupdate=False),
            models.Index(F("type"), F("id").desc(), name="crm_record_newest", condition=Q(deleted_at=None)),
            models.Index(
                F("type"), F("title"), F("id"), name="crm_record_by_title", condition=Q(deleted_at=None)
            ),
            models.Index(
                F("type"),
                F("changed_at").desc(),
                F("id").desc(),
                name="crm_record_by_change",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                F("type"),
                F("base_amount").desc(),
                F("id").desc(),
                name="crm_record_by_amount",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                F("stage"),
                F("rank"),
                F("id").desc(),
                name="crm_record_on_board",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                F("responsible"),
                F("type"),
                F("id").desc(),
                name="crm_record_of_person",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                F("responsible"),
                F("next_step_at"),
                F("id"),
                name="crm_record_next_step",
                condition=Q(deleted_at=None, closed_at=None),
            ),
            models.Index(
                F("company"), F("id").desc(), name="crm_record_of_company", condition=Q(company__isnull=False)
            ),
            models.Index(
                F("contact"), F("id").desc(), name="crm_record_of_contact", condition=Q(contact__isnull=False)
            ),
            models.Index(F("merged_into"), name="crm_record_merged", condition=Q(merged_into__isnull=False)),
            models.Index(F("tax_number"), name="crm_record_tax", condition=~Q(tax_number="")),
            models.Index(F("deleted_at"), name="crm_record_trash", condition=Q(deleted_at__isnull=False)),
            external_index("crm_record_external_id"),
            # Those of a table's names that sound just the same, hundreds at once.
            models.Index(F("type"), F("sound"), name="crm_record_by_sound", condition=Q(deleted_at=None)),
            # As `icontains` asks for it.
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="crm_record_search"),
            GinIndex(OpClass(F("sound"), name="gin_trgm_ops"), name="crm_record_alike"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(audience=[]), name="crm_record_has_audience", violation_error_message="audience"
            ),
            models.CheckConstraint(
                condition=Q(pipeline=None, stage=None) | Q(pipeline__isnull=False, stage__isnull=False),
                name="crm_record_has_stage_in_pipeline",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="crm_record_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(merged_into=None) | Q(deleted_at__isnull=False), name="crm_record_merged_is_gone"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title

    @property
    def ref(self) -> Ref:
        return Ref(self.type.kind, self.pk)

    @property
    def scope(self) -> str:
        """In which permissions hold for it."""
        return self.stage.scope if self.stage else self.type.scope

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def follows_lines(self) -> bool:
        """Whether its amount is what its lines come to, or will be as soon as there are any."""
        return not self.has_own_amount or not self.amount

    def get_absolute_url(self) -> str:
        return reverse("crm:record", args=[self.type.slug, self.pk])


class Observer(models.Model):
    """Who sees a record whatever their permissions, and hears of it."""

    record = models.ForeignKey(Record, models.CASCADE, related_name="observers", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "user"], name="crm_observer_once")]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.record_id}"


class Link(models.Model):
    """That a record has to do with another one: a deal with its contacts, a paper with its deal.

    A record's main company and contact are columns of its own, and links too.
    """

    class Role(models.TextChoices):
        CONTACT = "contact"
        COMPANY = "company"
        # The lead that a deal came from, the deal that an invoice is for.
        ORIGIN = "origin"

    record = models.ForeignKey(Record, models.CASCADE, related_name="links", db_index=False)
    to = models.ForeignKey(Record, models.CASCADE, related_name="linked_from", db_index=False)
    role = models.CharField(max_length=8, choices=Role)
    rank = models.CharField(max_length=200, db_collation="C", default="i")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["record", "role", "to"], name="crm_link_once"),
            models.CheckConstraint(condition=~Q(record=F("to")), name="crm_link_to_another"),
        ]
        indexes = [models.Index(F("to"), F("role"), F("record").desc(), name="crm_link_back")]

    def __str__(self) -> str:
        return f"{self.record_id} has {self.role} {self.to_id}"


class StageVisit(models.Model):
    """That a record was in a stage for a while: what funnels and mean times are made of.

    Nothing of it is ever taken away while the record is there, also when it changes its pipeline.
    """

    record = models.ForeignKey(Record, models.CASCADE, related_name="visits", db_index=False)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="visits", db_index=False)
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["record"], condition=Q(left_at=None), name="crm_record_in_one_stage"
            ),
        ]
        indexes = [
            models.Index(fields=["record", "entered_at"], name="crm_visit_of_record"),
            models.Index(fields=["stage", "entered_at"], name="crm_visit_to_stage"),
        ]

    def __str__(self) -> str:
        return f"{self.record_id} in {self.stage_id} since {self.entered_at:%Y-%m-%d}"


class StageTotal(AudienceModel):
    """How many records somebody has in a stage and what they come to: the sums above a board's columns.

    A trigger keeps it (see the migration `totals`): no way of writing a record, an import of 50,000 included,
    gets by it. Its audience is that of the records, so whoever may see some of them sees the sum of these.
    """

    stage = models.ForeignKey(Stage, models.CASCADE, related_name="totals", db_index=False)
    responsible = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    count = models.IntegerField(default=0)
    amount = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0))

    objects: ClassVar[ScopedQuerySet[StageTotal]] = ScopedQuerySet["StageTotal"].as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        constraints = [
            *AudienceModel.Meta.constraints,
            models.UniqueConstraint(fields=["stage", "responsible"], name="crm_total_once"),
        ]

    def __str__(self) -> str:
        return f"{self.count} of {self.responsible_id} in {self.stage_id}"
