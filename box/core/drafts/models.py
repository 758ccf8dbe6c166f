"""What somebody has begun to write in one place, as their browser keeps it too: see `drafts.js`."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from box.core.accounts.models import User
from box.core.files.models import File


class Draft(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    # The form's own address: `post`, `thread-17`.
    place = models.CharField(max_length=60)
    content = models.JSONField()
    # The browser that wrote it, by a name it gave itself, and how often it was written.
    browser = models.CharField(max_length=40)
    version = models.PositiveIntegerField(default=1)
    saved_at = models.DateTimeField(default=timezone.now)
    files = models.ManyToManyField(File, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "place"], name="kept_draft_once")]
        indexes = [models.Index(fields=["saved_at"], name="kept_draft_by_age")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.place}"
