"""PBXs that the box is connected to, whose extension is whose, and what the bridge is to do there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.bridges.telephony import generator
from box.bridges.telephony.ami import Address
from box.bridges.telephony.logs import CDR_TABLE, CEL_TABLE, CsvLog, Log, TableLog
from box.bridges.telephony.numbers import Numbering, TrunkRule
from box.bridges.telephony.originate import Rules
from box.core.accounts.models import User
from box.lib.sealing import seal, unseal

if TYPE_CHECKING:
    from datetime import datetime


class PbxQuerySet(models.QuerySet["Pbx"]):
    def on(self) -> Self:
        return self.filter(is_on=True).order_by("name")


class Pbx(models.Model):
    """An Asterisk: where it is, where it writes, and how it is dialled on."""

    class Logs(models.TextChoices):
        NONE = "none", _("none: what happens while the box is away is not known")
        CSV = "csv", _("CSV files on a shared folder")
        TABLES = "tables", _("tables in PostgreSQL")

    # A part of the key of each call.
    name = models.SlugField(_("name"), max_length=40, unique=True)
    is_on = models.BooleanField(_("in use"), default=False)

    host = models.CharField(_("address"), max_length=253)
    port = models.PositiveIntegerField(_("port"), default=5038)
    user = models.CharField(_("manager user"), max_length=80, default="korobka")
    # Encrypted with the box's key, and shown to nobody.
    secret_sealed = models.TextField(blank=True)
    is_tls = models.BooleanField(_("encrypted"), default=False)
    # Trusted in place of the system's authorities.
    ca_pem = models.TextField(blank=True)

    logs = models.CharField(max_length=6, choices=Logs, default=Logs.NONE)
    cel_path = models.CharField(max_length=1000, blank=True)
    cdr_path = models.CharField(max_length=1000, blank=True)
    dsn_sealed = models.TextField(blank=True)
    # How far each log has been read.
    cursors = models.JSONField(default=dict)

    # Endpoints that lead outside.
    lines = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    region = models.CharField(max_length=2, default="RU")
    area = models.CharField(max_length=6, blank=True)
    extension_length = models.PositiveSmallIntegerField(default=6)
    # `[endpoint, strip, prepend]` each.
    trunk_rules = models.JSONField(default=list)

    context = models.CharField(max_length=80, default="korobka-internal")
    # Of numbers in E.164 that may be called, and that may not though a shorter one allows them.
    prefixes = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    forbidden = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    dial_prefix = models.CharField(max_length=6, blank=True)

    # The box's own address at which this PBX asks about calls that come in; none: it does not ask.
    asks_at = models.GenericIPAddressField(null=True, blank=True)

    # The key of a field of profiles that holds people's extensions, such as a directory fills in; none: they
    # are given out by hand.
    profile_field = models.CharField(max_length=20, blank=True, default="", db_default="")

    # Where its recordings lie: as the box sees the folder, and as the PBX names it.
    recordings_here = models.CharField(max_length=1000, blank=True, default="", db_default="")
    recordings_there = models.CharField(
        max_length=1000, default="/var/spool/asterisk/monitor", db_default="/var/spool/asterisk/monitor"
    )
    # With it the PBX signs the recordings that it sends by itself.
    delivery_key_sealed = models.TextField(blank=True, default="", db_default="")

    # Of the dialplan, where somebody on hold waits; none: nobody is put on hold from the portal.
    hold_context = models.CharField(max_length=80, blank=True, default="", db_default="")

    # What the bridge knows of the connection.
    connected_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    # Of Asterisk, as it says; empty where the box may not ask.
    version = models.CharField(max_length=80, blank=True)
    trouble = models.TextField(blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    objects = PbxQuerySet.as_manager()

    class Meta:
        verbose_name = _("PBX")
        verbose_name_plural = _("PBXs")

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """Raises SealBroken where it was sealed by another box."""
        return unseal(self.secret_sealed, settings.SECRET_KEY) if self.secret_sealed else ""

    @secret.setter
    def secret(self, secret: str) -> None:
        self.secret_sealed = seal(secret, settings.SECRET_KEY) if secret else ""

    @property
    def dsn(self) -> str:
        """Raises SealBroken where it was sealed by another box."""
        return unseal(self.dsn_sealed, settings.SECRET_KEY) if self.dsn_sealed else ""

    @dsn.setter
    def dsn(self, dsn: str) -> None:
        self.dsn_sealed = seal(dsn, settings.SECRET_KEY) if dsn else ""

    @property
    def delivery_key(self) -> str:
        """Raises SealBroken where it was sealed by another box."""
        return unseal(self.delivery_key_sealed, settings.SECRET_KEY) if self.delivery_key_sealed else ""

    @delivery_key.setter
    def delivery_key(self, key: str) -> None:
        self.delivery_key_sealed = seal(key, settings.SECRET_KEY) if key else ""

    @property
    def address(self) -> Address:
        return Address(self.host, self.port, self.user, self.secret, self.is_tls, self.ca_pem)

    @property
    def cel_log(self) -> Log | None:
        return self._log(self.cel_path, generator.CEL_COLUMNS, "cel", CEL_TABLE)

    @property
    def cdr_log(self) -> Log | None:
        return self._log(self.cdr_path, generator.CDR_COLUMNS, "cdr", CDR_TABLE)

    def _log(self, path: str, columns: tuple[str, ...], table: str, names: dict[str, str]) -> Log | None:
        if self.logs == self.Logs.CSV and path:
            return CsvLog(Path(path), columns)
        return TableLog(self.dsn, table, names) if self.logs == self.Logs.TABLES else None

    @property
    def numbering(self) -> Numbering:
        rules = tuple(TrunkRule(*rule) for rule in self.trunk_rules)
        return Numbering(self.region, self.area, self.extension_length, rules, frozenset(self.lines))

    @property
    def originate_rules(self) -> Rules:
        return Rules(self.context, tuple(self.prefixes), tuple(self.forbidden), self.dial_prefix)


class ExtensionQuerySet(models.QuerySet["Extension"]):
    def in_use(self) -> Self:
        """Of PBXs that are connected, the first of each person's first, telephones before browsers."""
        return self.filter(pbx__is_on=True).select_related("pbx").order_by("is_browser", "id")

    def in_browser(self) -> Self:
        """Those that ring in the portal, where the balancer leads to their PBX."""
        return self.in_use().filter(is_browser=True, pbx__name__in=settings.BROWSER_PHONES)


class Extension(models.Model):
    """A phone of the PBX, and who sits at it."""

    pbx = models.ForeignKey(Pbx, models.CASCADE, related_name="extensions", db_index=False)
    number = models.CharField(_("extension"), max_length=15)
    # `PJSIP/100`.
    endpoint = models.CharField(max_length=80)
    user = models.ForeignKey("accounts.User", models.CASCADE, null=True, related_name="extensions")
    # It rings in the portal, and has no telephone.
    is_browser = models.BooleanField(default=False, db_default=False)
    # To whom calls go on that are not answered there within these seconds, such as a mobile: an extension, or
    # a number in E.164; empty: to nobody.
    forwards_to = models.CharField(_("forwards to"), max_length=16, blank=True, default="", db_default="")
    forwards_after = models.PositiveSmallIntegerField(default=20, db_default=20)

    objects = ExtensionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pbx", "endpoint"], name="telephony_endpoint_once"),
            models.UniqueConstraint(fields=["pbx", "number"], name="telephony_number_once"),
        ]

    def __str__(self) -> str:
        return self.number


class CredentialQuerySet(models.QuerySet["Credential"]):
    def waiting(self, pbx: Pbx) -> Self:
        """Not on the PBX yet."""
        return self.filter(pbx=pbx, placed_at=None).order_by("id")

    def stale(self, pbx: Pbx, *, now: datetime) -> Self:
        """Their time is over, or whoever had them has no such phone any more."""
        held = Extension.objects.filter(
            pbx=pbx, number=models.OuterRef("number"), is_browser=True, user__status=User.Status.ACTIVE
        )
        return self.filter(models.Q(expires_at__lte=now) | ~models.Exists(held), pbx=pbx).order_by("id")


class Credential(models.Model):
    """With what a phone in a browser signs in at its PBX, for a while."""

    pbx = models.ForeignKey(Pbx, models.CASCADE, related_name="credentials", db_index=False)
    number = models.CharField(max_length=15)
    # The password is derived from it and the box's key: see `credentials`.
    key = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    placed_at = models.DateTimeField(null=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pbx", "number"], name="telephony_credential_once")]

    def __str__(self) -> str:
        return self.number


class CommandQuerySet(models.QuerySet["Command"]):
    def waiting(self, pbx: Pbx, *, since: datetime) -> Self:
        """In the order in which they were asked for; one that is older is not done any more."""
        return self.filter(pbx=pbx, taken_at=None, asked_at__gte=since).order_by("id")

    def overdue(self, pbx: Pbx, *, since: datetime) -> Self:
        """Those that nobody has done in time, and of which something is to be taken back."""
        return self.filter(pbx=pbx, taken_at=None, asked_at__lt=since).exclude(undo=[]).order_by("id")


class Command(models.Model):
    """What a person asks of the PBX: an AMI action with its headers, made by `originate`.

    The bridge takes it before it acts, so that a call is placed once or not at all, whatever dies in between.
    """

    pbx = models.ForeignKey(Pbx, models.CASCADE, related_name="commands", db_index=False)
    action = models.CharField(max_length=20)
    headers = models.JSONField(default=dict)
    by = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    taken_at = models.DateTimeField(null=True)
    # Why the PBX did not do it.
    trouble = models.TextField(blank=True)
    # What whoever asked has noted down with it, to be taken back where it was not done.
    undo = models.JSONField(default=list, db_default=[])

    objects = CommandQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["pbx", "id"], name="telephony_command_waiting", condition=models.Q(taken_at=None)
            ),
            models.Index(fields=["asked_at"], name="telephony_command_age"),
        ]

    def __str__(self) -> str:
        return self.action


class QueueMember(models.Model):
    """Whose telephone a queue rings, as the PBX said last."""

    pbx = models.ForeignKey(Pbx, models.CASCADE, related_name="queue_members", db_index=False)
    queue = models.CharField(max_length=80)
    endpoint = models.CharField(max_length=80)
    # They take a break: the queue passes them over.
    is_paused = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pbx", "queue", "endpoint"], name="telephony_queue_member_once")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} in {self.queue}"
