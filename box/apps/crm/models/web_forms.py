"""Forms that a company puts on its website, and what came through them."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.crm.models.records import Record
from box.apps.crm.models.types import RecordType, Source, Stage
from box.core.accounts.models import User
from box.core.files.models import File


class WebFormQuerySet(models.QuerySet["WebForm"]):
    def standing(self) -> Self:
        return self.filter(retired_at=None)

    def open(self) -> Self:
        """Those that take answers."""
        return self.standing().filter(is_on=True)


class WebForm(models.Model):
    # Names it in addresses: it is on a website, and so no secret.
    token = models.CharField(max_length=24, unique=True)
    name = models.CharField(_("name"), max_length=100)
    # Leads or deals.
    type = models.ForeignKey(RecordType, models.PROTECT, related_name="+")
    stage = models.ForeignKey(Stage, models.PROTECT, null=True, related_name="+")
    source = models.ForeignKey(Source, models.PROTECT, null=True, related_name="+")
    language = models.CharField(_("language"), max_length=7, choices=settings.LANGUAGES)
    heading = models.CharField(_("heading"), max_length=200)
    button = models.CharField(_("what the button says"), max_length=60)
    thanks = models.CharField(_("what is said afterwards"), max_length=400)
    color = models.CharField(_("colour"), max_length=7, default="#206bc4")
    # See `box.lib.questions.Question`.
    questions = models.JSONField(default=list)
    # What somebody writes of whom something is open already: False adds to that, True is something new.
    always_adds = models.BooleanField(default=False)
    is_on = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)

    objects = WebFormQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("crm:form", args=[self.token])


class Consent(models.Model):
    """A wording of what people agree to when they send a form; one that was agreed to never changes."""

    form = models.ForeignKey(WebForm, models.CASCADE, related_name="consents")
    text = models.TextField(max_length=4000)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.text[:80]


class Receiver(models.Model):
    """Who gets what comes through a form, in turn."""

    form = models.ForeignKey(WebForm, models.CASCADE, related_name="receivers", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["form", "user"], name="crm_receiver_once")]

    def __str__(self) -> str:
        return f"{self.user_id} for {self.form_id}"


class FormFile(models.Model):
    """What somebody sent with their answers."""

    answer = models.ForeignKey("FormAnswer", models.CASCADE, related_name="files", db_index=False)
    question = models.CharField(max_length=250)
    file = models.OneToOneField(File, models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["answer", "id"], name="crm_form_file_of_answer")]

    def __str__(self) -> str:
        return f"{self.file_id} with {self.answer_id}"


class FormAnswer(models.Model):
    """What came through a form. `key` is that of the challenge that was solved for it: it is taken once."""

    form = models.ForeignKey(WebForm, models.CASCADE, related_name="answers", db_index=False)
    record = models.ForeignKey(Record, models.CASCADE, related_name="form_answers")
    consent = models.ForeignKey(Consent, models.PROTECT, null=True, related_name="+")
    key = models.CharField(max_length=64, unique=True)
    # The page on which the form stood.
    page = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(F("form"), F("id").desc(), name="crm_answer_of_form")]

    def __str__(self) -> str:
        return f"{self.form_id} at {self.at:%Y-%m-%d %H:%M}"
