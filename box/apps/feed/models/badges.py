"""Badges and gifts."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from box.apps.feed.models.posts import Post
from box.core.accounts.models import User
from box.core.files.models import Blob


class Badge(models.Model):
    """What one thanks a colleague with, or gives them for a holiday: called what its administrator likes, in
    both languages, with one of the drawn pictures or one of the company's own."""

    class Picture(models.TextChoices):
        STAR = "star", _("star")
        HEART = "heart", _("heart")
        HANDS = "hands", _("hands")
        BULB = "bulb", _("light bulb")
        ROCKET = "rocket", _("rocket")
        CUP = "cup", _("cup")
        SHIELD = "shield", _("shield")
        FLOWER = "flower", _("flower")
        GIFT = "gift", _("gift")
        CAKE = "cake", _("cake")
        TREE = "tree", _("fir tree")

    name_en = models.CharField(_("name in English"), max_length=60)
    name_ru = models.CharField(_("name in Russian"), max_length=60)
    picture = models.CharField(_("picture"), max_length=12, choices=Picture, default=Picture.STAR)
    # A small square one, ready to be shown, in place of the drawn one.
    own_picture = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+", editable=False)
    is_gift = models.BooleanField(_("a gift for a holiday"), default=False)
    # Given no more; what was given stays.
    retired_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["is_gift", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def names(self) -> dict[str, str]:
        return {"en": self.name_en, "ru": self.name_ru}

    @property
    def name(self) -> str:
        """In the reader's language."""
        return in_language(self.names)


def in_language(names: Mapping[str, str]) -> str:
    """That of the names which is in the reader's language."""
    return names.get(get_language() or "en") or names["en"]


class Award(models.Model):
    """A badge or gift that somebody was given, by a post of its own."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="award")
    badge = models.ForeignKey(Badge, models.PROTECT, related_name="awards")
    # The badge's own when it was given, as `Post.details` has it: the blob stays as long as it is shown.
    own_picture = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="awards")

    def __str__(self) -> str:
        return f"{self.badge_id} for {self.user_id}"
