"""A drive belongs to a principal; it is a tree of items, which are folders or files.

What an item inherits is written down in it: the folders above it (`ancestors`), who may look (`audience`)
and who may change (`editors`). So a page asks one table, and a change to a folder is one statement over all
that is below it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.signing import BadSignature, Signer
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Lower, Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.access.principals import EVERYONE
from box.core.accounts.models import User
from box.core.files.models import Blob, File
from box.core.files.names import MAX_LENGTH
from box.core.groups.models import Group
from box.core.registry.capabilities import Card, Ref
from box.core.registry.environment import url
from box.lib.search_words import words_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from box.lib.prepared import Param

KIND = "drive.item"
PAGE = 100
IS_FILE = ExpressionWrapper(Q(is_folder=False), output_field=models.BooleanField())
"""What files are sorted by behind folders, in one direction with their names."""
# Deeper than people look, and a bound for what is walked.
DEEPEST = 40
KEPT_IN_TRASH_DAYS = 30

_links = Signer(salt="drive.link")


class Drive(models.Model):
    """A principal's: `U17` a person's own, `G5` a workgroup's, `UA` the company's."""

    code = models.CharField(max_length=24, unique=True)
    # Since when there is nobody whose it is: its workgroup was deleted, and may come back from a backup.
    abandoned_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.code

    @property
    def is_company(self) -> bool:
        return self.code == EVERYONE

    @property
    def is_personal(self) -> bool:
        return self.code.startswith("U") and not self.is_company

    @cached_property
    def group(self) -> Group | None:
        return Group.objects.filter(pk=int(self.code[1:])).first() if self.code.startswith("G") else None

    @property
    def is_read_only(self) -> bool:
        """A workgroup in the archive is only read."""
        return self.code.startswith("G") and (self.group is None or self.group.is_archived)


class ItemQuerySet(AudienceQuerySet["Item"]):
    def there(self) -> Self:
        """What is not in the trash."""
        return self.filter(trashed_at=None)

    def in_folder(self, folder: Item | Param) -> Self:
        return self.filter(parent=folder, trashed_at=None)

    def below(self, item: Item) -> Self:
        """All that is in a folder, and in the folders in it; also what is in the trash."""
        return self.filter(ancestors__contains=[item.pk])

    def folders(self) -> Self:
        return self.filter(is_folder=True)

    def thrown_away(self) -> Self:
        """What was put into the trash itself: what was in it came along, and comes back with it."""
        return self.filter(trashed_at__isnull=False, trash_root=F("pk"))

    def readable_through(self, item: Item) -> Self:
        """What all readers of the item see as well. What somebody has closed inside it is not among that,
        even if it is for the same people: on one's own drive it always is."""
        inside = Q(pk=item.pk) | Q(ancestors__contains=[item.pk])
        closed = Item.objects.below(item).filter(inherits=False).values("pk")
        found = self.there().filter(inside, audience__contains=item.audience)
        return found.exclude(Q(pk__in=closed) | Q(ancestors__overlap=closed))

    def listed(self) -> Self:
        """As a folder shows them: folders first, then by name."""
        return self.order_by(IS_FILE.asc(), "name", "id")

    def called(self, name: str) -> Self:
        return self.annotate(_lower=Lower("name")).filter(_lower=Lower(models.Value(name)))

    def matching(self, text: str) -> Self:
        """Whose name contains each word of the text."""
        found = self
        for word in words_of(text):
            found = found.filter(name__icontains=word)
        return found

    def shown(self, now: datetime | Param) -> Self:
        """With what a list shows of each."""
        shares = Share.objects.filter(item=models.OuterRef("pk"))
        links = OutsideLink.objects.open(now).filter(item=models.OuterRef("pk"))
        return self.select_related("file__blob", "changed_by").annotate(
            is_shared=models.Exists(shares), has_links=models.Exists(links)
        )


class Item(AudienceModel):
    """A folder, or a file under a name. The drive itself is the folder without a parent."""

    drive = models.ForeignKey(Drive, models.PROTECT, related_name="items")
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    # Of the folders above it, from the drive's own down to its parent.
    ancestors = ArrayField(models.BigIntegerField(), default=list)
    is_folder = models.BooleanField(default=False)
    name = models.CharField(max_length=MAX_LENGTH, db_collation="und-x-icu")
    file = models.OneToOneField(File, models.PROTECT, null=True, related_name="on_drive")
    version = models.PositiveIntegerField(default=1)

    # Who may change it, as codes; those are in the audience too.
    editors = ArrayField(models.TextField())
    # Whether who sees the folder around it sees it as well.
    inherits = models.BooleanField(default=True)

    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    changed_at = models.DateTimeField(default=timezone.now)

    trashed_at = models.DateTimeField(null=True)
    trashed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    # The item that was put into the trash, and took this one along; or this one.
    trash_root = models.BigIntegerField(null=True)

    objects: ClassVar[ItemQuerySet] = ItemQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        indexes = [
            *AudienceModel.Meta.indexes,
            models.Index(
                F("parent"),
                IS_FILE,
                F("name"),
                F("id"),
                name="drive_item_in_order",
                condition=Q(trashed_at=None),
            ),
            models.Index(
                F("parent"),
                F("changed_at").desc(),
                F("id").desc(),
                name="drive_item_newest",
                condition=Q(trashed_at=None),
            ),
            # As `icontains` asks for it.
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="drive_item_search"),
            GinIndex(fields=["ancestors"], name="drive_item_ancestors", fastupdate=False),
            models.Index(
                F("drive"), F("id").desc(), name="drive_item_trash", condition=Q(trashed_at__isnull=False)
            ),
        ]
        constraints = [
            *AudienceModel.Meta.constraints,
            models.UniqueConstraint(
                F("parent"), Lower("name"), name="drive_item_name_once", condition=Q(trashed_at=None)
            ),
            models.UniqueConstraint(fields=["drive"], name="drive_has_one_root", condition=Q(parent=None)),
            models.CheckConstraint(
                condition=Q(is_folder=True, file=None) | Q(is_folder=False, file__isnull=False),
                name="drive_item_is_folder_or_file",
            ),
            models.CheckConstraint(
                condition=Q(trashed_at=None, trash_root=None)
                | Q(trashed_at__isnull=False, trash_root__isnull=False),
                name="drive_item_trash_has_root",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> Ref:
        return Ref(KIND, self.pk)

    @property
    def is_root(self) -> bool:
        return self.parent_id is None

    @property
    def path(self) -> list[int]:
        """What `ancestors` of its children hold."""
        return [*self.ancestors, self.pk]

    def get_absolute_url(self) -> str:
        return url("drive:item", self.pk)


class Share(models.Model):
    """Who, beside those who see it by where it is, may open an item and all that is in it."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="shares", db_index=False)
    code = models.CharField(max_length=24)
    can_edit = models.BooleanField(default=False)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "code"], name="drive_share_once")]
        indexes = [models.Index(F("code"), F("id").desc(), name="drive_share_newest")]

    def __str__(self) -> str:
        return f"{self.item_id} for {self.code}"


class Version(models.Model):
    """What a file was before: the newest content is the file's own."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "number"], name="drive_version_once")]

    def __str__(self) -> str:
        return f"{self.item_id}, {self.number}"


class OutsideLinkQuerySet(models.QuerySet["OutsideLink"]):
    def open(self, now: datetime | Param) -> Self:
        """Those that lead somewhere: whoever has left the company shows nobody the way any more."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.filter(unexpired, ended_at=None).exclude(created_by__status=User.Status.DISMISSED)

    def of_token(self, token: str) -> Self:
        """The link that this token opens, whether or not it still leads somewhere."""
        try:
            return self.filter(pk=int(_links.unsign(token)))
        except (BadSignature, ValueError):
            return self.none()


class OutsideLink(models.Model):
    """A way to an item for whoever holds its address, without an account.

    The address is made of the number and the portal's own key: no copy of the database opens anything.
    """

    item = models.ForeignKey(Item, models.CASCADE, related_name="links")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    # As Django hashes passwords; empty: none is asked for.
    password = models.CharField(max_length=128, blank=True)
    ended_at = models.DateTimeField(null=True)
    # How often something was fetched through it.
    fetched_count = models.PositiveIntegerField(default=0)
    fetched_at = models.DateTimeField(null=True)

    objects: ClassVar[OutsideLinkQuerySet] = OutsideLinkQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.pk} to {self.item_id}"

    @property
    def token(self) -> str:
        return _links.sign(str(self.pk))

    @property
    def last_day(self) -> date | None:
        """The last whole day on which it works, as the reader counts; None where there is no such day."""
        if self.expires_at is None:
            return None
        ends = timezone.localtime(self.expires_at)
        return ends.date() - timedelta(days=1) if ends.time() == time() else None

    def get_absolute_url(self) -> str:
        return reverse("drive:outside", args=[self.token])


def item_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    items = Item.objects.visible_to(reader).there().filter(pk__in=ids).select_related("created_by")
    return {
        item.pk: Card(
            item.ref,
            item.name,
            item.get_absolute_url(),
            icon="folder" if item.is_folder else "file",
            people=(item.created_by.face,),
        )
        for item in items
    }


def roots_of(codes: Collection[str]) -> models.QuerySet[Any]:
    """The drives of these principals, as folders."""
    return Item.objects.filter(parent=None, drive__code__in=codes).select_related("drive")
