"""Lines, queues and menus as the company wants them: what the configuration of its PBX is made of."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from box.bridges.telephony.models.exchange import Pbx
from box.core.files.models import Blob
from box.lib.sealing import seal, unseal

MOST = 100
"""Lines, queues, and menus, of one PBX."""


class Trunk(models.Model):
    """A provider's line: where it is, which of our numbers it brings, and who answers."""

    pbx = models.ForeignKey(Pbx, models.CASCADE, related_name="trunks", db_index=False)
    # Its endpoint is `PJSIP/name`.
    name = models.SlugField(_("name"), max_length=40)
    host = models.CharField(_("address of the provider"), max_length=253)
    user = models.CharField(_("login"), max_length=80, blank=True)
    # Encrypted with the box's key, and shown to nobody.
    password_sealed = models.TextField(blank=True)
    caller_id = models.CharField(_("number that those who are called see"), max_length=20, blank=True)
    # As the provider sends them.
    numbers = ArrayField(models.CharField(max_length=20), default=list)
    answers = models.CharField(_("who answers"), max_length=20)
    # Empty: as at any time.
    closed = models.CharField(_("outside working hours"), max_length=20, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pbx", "name"], name="telephony_trunk_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def endpoint(self) -> str:
        return f"PJSIP/{self.name}"

    @property
    def password(self) -> str:
        """Raises SealBroken where it was sealed by another box."""
        return unseal(self.password_sealed, settings.SECRET_KEY) if self.password_sealed else ""

    @password.setter
    def password(self, password: str) -> None:
        self.password_sealed = seal(password, settings.SECRET_KEY) if password else ""


class CallQueue(models.Model):
    """A queue, in which callers wait for the next who is free, or a hunt group, which only rings."""

    class Strategy(models.TextChoices):
        """Asterisk's own names."""

        ALL = "ringall", _("all together")
        IN_TURN = "rrmemory", _("in turn")
        LEAST_RECENT = "leastrecent", _("whoever has rested longest")
        FEWEST = "fewestcalls", _("whoever had the fewest calls")
        IN_ORDER = "linear", _("in the order of the list")

    pbx = models.ForeignKey(Pbx, models.CASCADE, related_name="call_queues", db_index=False)
    name = models.SlugField(_("name"), max_length=40)
    number = models.CharField(_("number"), max_length=15)
    is_group = models.BooleanField(default=False)
    strategy = models.CharField(_("telephones ring"), max_length=12, choices=Strategy, default=Strategy.ALL)
    # Extensions, in their order.
    members = ArrayField(models.CharField(max_length=15), default=list)
    rings_seconds = models.PositiveSmallIntegerField(_("seconds for which a telephone rings"), default=20)
    waits_seconds = models.PositiveSmallIntegerField(_("seconds for which a caller waits"), default=300)
    # Where whoever nobody has answered goes on; empty: nowhere.
    otherwise = models.CharField(_("then"), max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pbx", "name"], name="telephony_queue_once"),
            models.UniqueConstraint(fields=["pbx", "number"], name="telephony_queue_number_once"),
        ]

    def __str__(self) -> str:
        return self.name


class CallMenu(models.Model):
    """What callers hear, and where each key of their telephone leads: press one for sales."""

    KEYS = "1234567890"

    pbx = models.ForeignKey(Pbx, models.CASCADE, related_name="call_menus", db_index=False)
    name = models.SlugField(_("name"), max_length=40)
    number = models.CharField(_("number"), max_length=15)
    # On the PBX, as its dialplan names it: without what the file's name ends in. Of what was recorded in the
    # portal it follows the menu's name.
    sound = models.CharField(_("what callers hear"), max_length=120)
    # WAV, of what was recorded in the portal.
    prompt = models.ForeignKey(Blob, models.PROTECT, null=True, blank=True, related_name="+")
    prompt_seconds = models.PositiveSmallIntegerField(default=0, db_default=0)
    # By key the number that it leads to.
    choices = models.JSONField(default=dict)
    # Where whoever presses nothing goes on; empty: nowhere.
    otherwise = models.CharField(_("then"), max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pbx", "name"], name="telephony_menu_once"),
            models.UniqueConstraint(fields=["pbx", "number"], name="telephony_menu_number_once"),
        ]

    def __str__(self) -> str:
        return self.name
