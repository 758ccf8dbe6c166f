"""Directories that the box is connected to, what of theirs is here, and what each run did."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.bridges.directory.mapping import Mapping, Rules, SignIn
from box.bridges.directory.plan.clashes import CURES, reason_of
from box.bridges.directory.typed_json import TypedField
from box.lib.sealing import seal, unseal


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def on(self) -> Self:
        """Those in use, in the order in which they are asked."""
        return self.filter(is_on=True).order_by("order", "id")

    def confirmed(self) -> Self:
        """Those whose preview somebody has confirmed, paused or not, in the order in which they are asked."""
        return self.filter(is_confirmed=True).order_by("order", "id")


class Connection(models.Model):
    """A directory: where it is, what is read of it, and what that means here."""

    class Kind(models.TextChoices):
        AD = "ad", _("Active Directory")
        OPENLDAP = "openldap", _("OpenLDAP")
        FREEIPA = "freeipa", _("FreeIPA")

    class Security(models.TextChoices):
        LDAPS = "ldaps", _("LDAPS (encrypted from the start)")
        STARTTLS = "starttls", _("StartTLS (begins open, then encrypts)")
        PLAIN = "plain", _("none: passwords go over the network as they are")

    # What comes from it is owned under this name: `Profile.owners`, `Department.source`.
    name = models.CharField(_("name"), max_length=100, unique=True)
    order = models.PositiveSmallIntegerField(default=0)
    is_on = models.BooleanField(_("in use"), default=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.AD)

    # Hosts, with a port where it is not the usual one; the next is asked where one doesn't answer.
    servers = ArrayField(models.CharField(max_length=260), default=list)
    security = models.CharField(max_length=8, choices=Security, default=Security.LDAPS)
    # Trusted in place of the system's authorities.
    ca_pem = models.TextField(blank=True)
    bind_dn = models.CharField(max_length=1000, blank=True)
    # Encrypted with the box's key, and shown to nobody.
    bind_password_sealed = models.TextField(blank=True)
    # When the directory has last refused them, and for which way of asking: a cache would forget it, and
    # everybody who signs in would try them again.
    bind_refused_at = models.DateTimeField(null=True, editable=False)
    bind_refused_for = models.CharField(max_length=16, blank=True, db_default="", editable=False)
    # The key of the portal's Kerberos service, in base64 and encrypted like the password.
    keytab_sealed = models.TextField(blank=True, db_default="")

    people_bases = ArrayField(models.CharField(max_length=1000), default=list)
    group_bases = ArrayField(models.CharField(max_length=1000), default=list, blank=True)
    people_filter = models.TextField(blank=True)
    group_filter = models.TextField(blank=True)

    mapping: Mapping = TypedField(Mapping)  # type: ignore[assignment]
    rules: Rules = TypedField(Rules)  # type: ignore[assignment]
    sign_in: SignIn = TypedField(SignIn)  # type: ignore[assignment]

    # Zero: only on demand.
    interval_minutes = models.PositiveIntegerField(default=15)
    # Not before somebody has looked at a preview and said so.
    is_confirmed = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("directory")
        verbose_name_plural = _("directories")

    def __str__(self) -> str:
        return self.name

    @property
    def bind_password(self) -> str:
        """Raises SealBroken where it was sealed by another box."""
        return unseal(self.bind_password_sealed, settings.SECRET_KEY)

    @bind_password.setter
    def bind_password(self, password: str) -> None:
        self.bind_password_sealed = seal(password, settings.SECRET_KEY) if password else ""

    @property
    def keytab(self) -> bytes:
        """Raises SealBroken where it was sealed by another box."""
        return base64.b64decode(unseal(self.keytab_sealed, settings.SECRET_KEY))

    @keytab.setter
    def keytab(self, keytab: bytes) -> None:
        sealed = seal(base64.b64encode(keytab).decode(), settings.SECRET_KEY) if keytab else ""
        self.keytab_sealed = sealed

    @property
    def is_encrypted(self) -> bool:
        return self.security != self.Security.PLAIN


class LinkQuerySet(models.QuerySet["Link"]):
    def people(self) -> Self:
        return self.filter(kind=Link.Kind.PERSON)

    def departments(self) -> Self:
        return self.filter(kind=Link.Kind.DEPARTMENT)

    def groups(self) -> Self:
        return self.filter(kind=Link.Kind.GROUP)

    def standing(self) -> Self:
        """Those that the directory still has."""
        return self.filter(leaving_since=None)

    def unseen(self) -> models.QuerySet[Link]:
        """Whose entry this run's directory doesn't show: see `snapshot.Seen`."""
        return self.extra(
            where=[
                "NOT EXISTS (SELECT 1 FROM directory_seen AS seen"
                " WHERE seen.stable_id = directory_link.stable_id)"
            ]
        )


class Link(models.Model):
    """An entry of the directory and what it is here. The stable id outlives renames and moves; a link stays
    when its entry is gone, so that who returns is the same person."""

    class Kind(models.TextChoices):
        PERSON = "person"
        DEPARTMENT = "department"
        GROUP = "group"
        ROLE = "role"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="links", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    # objectGUID or entryUUID, in hexadecimal; of a department from an attribute its path.
    stable_id = models.CharField(max_length=500)
    # The person, department or workgroup.
    object_id = models.BigIntegerField(db_index=True)
    dn = models.TextField()
    # The search base under which it was found.
    base = models.CharField(max_length=1000, blank=True)
    # Of all that was mapped when it was last written: the same entry with the same fingerprint has no news.
    fingerprint = models.CharField(max_length=64, blank=True)
    photo_fingerprint = models.CharField(max_length=64, blank=True)
    # What the directory wrote last, by field; what is not in it is not the directory's.
    values = models.JSONField(default=dict)
    seen_at = models.DateTimeField(default=timezone.now)
    # Since when the entry is not found, is expired or in the leavers' unit; None while all is well, and where
    # who is not found is kept.
    leaving_since = models.DateTimeField(null=True)
    leaving_why = models.CharField(max_length=10, blank=True)
    # When the account ends by itself.
    expires_at = models.DateTimeField(null=True)
    # The status that the directory has given; empty where it gave none.
    status = models.CharField(max_length=10, blank=True)

    objects = LinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "stable_id"], name="directory_link_once"),
            # Several groups may fill one workgroup, or give one role.
            models.UniqueConstraint(
                fields=["kind", "object_id"],
                condition=models.Q(kind__in=["person", "department"]),
                name="directory_entry_once",
            ),
        ]

    def __str__(self) -> str:
        return self.dn

    @property
    def has_left(self) -> bool:
        """Whether the directory has it no more, or as somebody who works there no more."""
        return bool(self.leaving_since or self.leaving_why)


class Cursor(models.Model):
    """How far the directory's changes have been read; it means something to one server only."""

    connection = models.OneToOneField(Connection, models.CASCADE, primary_key=True, related_name="cursor")
    # "usn" or "timestamp".
    kind = models.CharField(max_length=10)
    # The invocationId of a domain controller; elsewhere empty.
    server = models.CharField(max_length=64, blank=True)
    position = models.TextField(blank=True)
    groups_position = models.TextField(blank=True, db_default="")
    # Stable ids of entries that were not taken in: looked at again when they change, or all are read.
    skipped = models.JSONField(default=list, db_default=[])
    # Attributes that the account sees of nobody though it should: once it does, everything is read again.
    unread = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # Of connection settings, mapping and rules: with others everything is read again.
    settings_fingerprint = models.CharField(max_length=64, blank=True)
    read_at = models.DateTimeField(default=timezone.now)
    full_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.kind} {self.position[:20]}"


class RunQuerySet(models.QuerySet["Run"]):
    def going(self) -> Self:
        return self.filter(state__in=[Run.State.WAITING, Run.State.RUNNING])


class Run(models.Model):
    """One look at a directory: a preview, or all that follows from it."""

    class Mode(models.TextChoices):
        PREVIEW = "preview", _("preview")
        SYNC = "sync", _("synchronisation")

    class State(models.TextChoices):
        WAITING = "waiting", _("about to begin")
        RUNNING = "running", _("running")
        ASKING = "asking", _("stopped by the guard")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class Stage(models.TextChoices):
        CONNECTING = "connecting", _("connecting")
        READING = "reading", _("reading the directory")
        PLANNING = "planning", _("comparing")
        WRITING = "writing", _("writing")

    class Why(models.TextChoices):
        SCHEDULE = "schedule", _("by schedule")
        DEMAND = "demand", _("on demand")
        COMMAND = "command", _("by boxctl")
        SIGN_IN = "sign_in", _("for somebody who signs in")

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="runs")
    mode = models.CharField(max_length=7, choices=Mode)
    why = models.CharField(max_length=8, choices=Why, default=Why.DEMAND)
    by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    stage = models.CharField(max_length=10, choices=Stage, blank=True)
    # Whether everything was read, and not only what has changed since the last time.
    is_full = models.BooleanField(default=False)

    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    # By action (`Change.Action`) how many.
    counts = models.JSONField(default=dict)
    read = models.PositiveIntegerField(default=0)
    # What went wrong, in words; of a run that failed.
    error = models.TextField(blank=True)
    # What the guard asks, in words, and what it counted.
    question = models.TextField(blank=True)
    # Somebody has looked at the guard's question and allowed it.
    is_allowed = models.BooleanField(default=False)

    asked_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["connection", "-id"], name="directory_run_newest")]

    def __str__(self) -> str:
        return f"{self.mode} of {self.connection_id}: {self.state}"

    @property
    def is_going(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def duration(self) -> timedelta | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at

    def time_left(self, now: datetime) -> timedelta | None:
        """By the pace of writing so far; None while there is none."""
        if self.state != self.State.RUNNING or not self.done or self.started_at is None:
            return None
        return (now - self.started_at) / self.done * (self.total - self.done)


class Change(models.Model):
    """One thing that a run does, or would do, or leaves undone, and why."""

    class Action(models.TextChoices):
        CREATE = "create", _("created")
        CHANGE = "change", _("changed")
        MOVE = "move", _("moved")
        SUSPEND = "suspend", _("suspended")
        DISMISS = "dismiss", _("dismissed")
        RETURN = "return", _("returned")
        LINK = "link", _("recognised")
        HEAD = "head", _("head")
        JOIN = "join", _("joined")
        LEAVE = "leave", _("left")
        SKIP = "skip", _("skipped")
        REPORT = "report", _("reported")

    class Outcome(models.TextChoices):
        PLANNED = "planned", _("planned")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    run = models.ForeignKey(Run, models.CASCADE, related_name="changes", db_index=False)
    action = models.CharField(max_length=7, choices=Action)
    # "person", "department" or "group", as of a link.
    kind = models.CharField(max_length=10, choices=Link.Kind)
    # Of the local object, where there is one already.
    object_id = models.BigIntegerField(null=True)
    stable_id = models.CharField(max_length=500, blank=True)
    dn = models.TextField(blank=True)
    # How it is called, for people who read the log.
    name = models.CharField(max_length=300, blank=True)
    field = models.CharField(max_length=30, blank=True)
    old = models.TextField(blank=True)
    new = models.TextField(blank=True)
    outcome = models.CharField(max_length=7, choices=Outcome, default=Outcome.PLANNED)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["run", "action", "id"], name="directory_change_of_run")]

    def __str__(self) -> str:
        return f"{self.action} {self.name}"


class ConflictQuerySet(models.QuerySet["Conflict"]):
    def open(self) -> Self:
        """Those about which somebody may do something."""
        return self.exclude(decision=Conflict.Decision.SEPARATE)

    def unseen(self) -> models.QuerySet[Conflict]:
        """Whose entry this run's directory doesn't show: see `snapshot.Seen`."""
        return self.extra(
            where=[
                "NOT EXISTS (SELECT 1 FROM directory_seen AS seen"
                " WHERE seen.stable_id = directory_conflict.stable_id)"
            ]
        )


class Conflict(models.Model):
    """What of an entry is not taken over and waits: found by runs, and gone with the run that finds it no
    more; or what an administrator has decided about it."""

    class Decision(models.TextChoices):
        NONE = "", _("none yet")
        SEPARATE = "separate", _("somebody new")
        APART = "apart", _("unlinked")

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="conflicts", db_index=False)
    # Of the entry, as in its link.
    stable_id = models.CharField(max_length=500)
    # What it is about: see `plan.clashes`.
    kind = models.CharField(max_length=10)
    # The login or the e-mail.
    wanted = models.CharField(max_length=254, blank=True)
    # By what the person was recognised.
    rule = models.CharField(max_length=10, blank=True)
    # Whose the name is, or who it may be.
    person = models.ForeignKey("accounts.User", models.CASCADE, null=True, related_name="+")
    dn = models.TextField()
    name = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField(default=timezone.now)
    decision = models.CharField(max_length=10, choices=Decision, blank=True, default=Decision.NONE)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")

    objects = ConflictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "stable_id", "kind"], name="directory_conflict_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def reason(self) -> str:
        return reason_of(self.kind, self.wanted, self.rule)

    @property
    def cure(self) -> str:
        """What to do about it."""
        return str(CURES[self.kind])


class Tries(models.Model):
    """Passwords of one account that were passed on to a directory lately: see `lockout`."""

    key = models.CharField(max_length=64, primary_key=True)
    failed = models.PositiveIntegerField(default=0)
    # On their way: nobody knows yet whether they were right.
    pending = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.failed} wrong, the last at {self.last_at:%H:%M}"
