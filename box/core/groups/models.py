"""Groups, their members, and who is about to become one."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.accounts.models import User
from box.core.registry.capabilities import Card, Ref
from box.core.registry.environment import url
from box.lib.search_words import words_of

KIND = "groups.group"
MOST_FOUND = 8


class GroupQuerySet(AudienceQuerySet["Group"]):
    def of(self, user: User) -> Self:
        """Those that the person is a member of."""
        return self.filter(pk__in=Member.objects.current().filter(user=user).values("group"))

    def standing(self) -> Self:
        """Those that are not archived."""
        return self.filter(archived_at=None)

    def matching(self, text: str) -> Self:
        """Whose name contains each word of the text."""
        found = self
        for word in words_of(text):
            found = found.filter(search_text__contains=word)
        return found

    def by_name(self) -> Self:
        return self.order_by("name", "id")

    def below(self, group: Group) -> Self:
        """The page that goes on after this group, in the order of `by_name`."""
        return self.filter(models.Q(name__gt=group.name) | models.Q(name=group.name, id__gt=group.pk))

    def with_standing_of(self, user: User) -> Self:
        """With what the person is in each, as `Standing` reads it."""
        mine = Member.objects.current().filter(group=models.OuterRef("pk"), user=user)
        pending = Admission.objects.filter(group=models.OuterRef("pk"), user=user)
        return self.annotate(
            my_role=models.Subquery(mine.values("role")[:1]),
            my_admission=models.Subquery(pending.values("way")[:1]),
        )


class Group(AudienceModel):
    """The audience says who may know of the group; what is written in it is for `code`, its members."""

    class Kind(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")
        SECRET = "secret", _("secret")
        EXTRANET = "extranet", _("with outside guests")

    name = models.CharField(_("name"), max_length=200, db_collation="und-x-icu")
    description = models.TextField(_("what it is for"), blank=True, max_length=5000)
    kind = models.CharField(_("who may join"), max_length=8, choices=Kind, default=Kind.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    # Since when it is only read.
    archived_at = models.DateTimeField(null=True, blank=True)
    # Kept with each write to the members, so that a list reads it with the group.
    members_count = models.PositiveIntegerField(default=0)
    # The outside source that says who is in it, by its name: employees neither come nor go here.
    source = models.CharField(max_length=100, blank=True, db_default="", editable=False)

    search_text = models.GeneratedField(
        expression=Lower("name"), output_field=models.TextField(), db_persist=True
    )

    objects: ClassVar[GroupQuerySet] = GroupQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        indexes = [
            *AudienceModel.Meta.indexes,
            models.Index("name", "id", name="group_by_name"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="group_search"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> Ref:
        return Ref(KIND, self.pk)

    @property
    def code(self) -> str:
        """The group's members."""
        return f"G{self.pk}"

    @property
    def moderators_code(self) -> str:
        return f"GM{self.pk}"

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    def get_absolute_url(self) -> str:
        return url("groups:group", self.pk)


class MemberQuerySet(models.QuerySet["Member"]):
    def current(self) -> Self:
        """Those whose time in the group is not over."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()))

    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())

    def leading(self) -> Self:
        """The owner and the moderators."""
        return self.filter(role__in=[Member.Role.OWNER, Member.Role.MODERATOR])

    def newest_first(self) -> Self:
        return self.order_by("-id").select_related("user")


class Member(models.Model):
    class Role(models.TextChoices):
        MEMBER = "member", _("group member")
        MODERATOR = "moderator", _("moderator")
        OWNER = "owner", _("owner")

    group = models.ForeignKey(Group, models.CASCADE, related_name="members", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="group_members")
    role = models.CharField(max_length=9, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now)
    # Until when an outside guest is in the group; None: without an end.
    expires_at = models.DateTimeField(null=True)

    objects: ClassVar[MemberQuerySet] = MemberQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "user"], name="group_member_once"),
            models.UniqueConstraint(
                fields=["group"], condition=models.Q(role="owner"), name="group_has_one_owner"
            ),
        ]
        indexes = [
            models.Index(fields=["group", "-id"], name="group_member_newest"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False),
                name="group_member_expiring",
            ),
        ]

    def __str__(self) -> str:
        return self.user.name


class Admission(models.Model):
    """An invitation that was not answered yet, or a request to join."""

    class Way(models.TextChoices):
        INVITED = "invited", _("invited")
        ASKED = "asked", _("asks to join")

    group = models.ForeignKey(Group, models.CASCADE, related_name="admissions", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    way = models.CharField(max_length=7, choices=Way)
    # Who invited the person; None for a request.
    by = models.ForeignKey(User, models.CASCADE, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="group_admission_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.way} {self.group_id}"


def _card(group: Group) -> Card:
    state = str(_("in the archive")) if group.archived_at else ""
    return Card(group.ref, group.name, group.get_absolute_url(), icon="users-group", state=state)


def group_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    groups = Group.objects.visible_to(reader).filter(pk__in=ids)
    return {group.pk: _card(group) for group in groups}


def found_groups(text: str, reader: User) -> list[Card]:
    """See `box.core.registry.capabilities.Finder`: of what the reader sees, their own first."""
    seen = Group.objects.visible_to(reader).standing().matching(text)
    own = list(seen.of(reader).by_name()[:MOST_FOUND])
    others = seen.exclude(pk__in=[group.pk for group in own]).by_name()[: MOST_FOUND - len(own)]
    return [_card(group) for group in (*own, *others)]


def people_of_groups_of(user: User) -> models.QuerySet[Any]:
    """Ids of everybody who shares a group with this person."""
    own = Member.objects.current().filter(user=user).values("group")
    return Member.objects.current().filter(group__in=own).values("user")
