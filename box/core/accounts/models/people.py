"""People: the row that every page reads, how they are found, and what is known beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import add, or_
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import TrigramWordDistance
from django.db import connection, models, transaction
from django.db.models.functions import Concat, ExtractDay, ExtractMonth, Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from box.core.accounts.search import (
    END_OF_NAMES,
    END_OF_PATRONYMIC,
    SIMILAR_ENOUGH,
    Digits,
    Spelling,
    patterns,
    ranks,
    terms,
    words,
)
from box.core.fields.lookups import FieldValues
from box.core.registry.external import external_column, external_index
from box.core.registry.offers import Offers
from box.lib.hot_models import HotModel

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler


MOST_RESEMBLING = 20
ERASED = "/erased/"
"""What the login of an erased person begins with: no other login has a slash."""
MERGED = "/merged/"
"""The same of an account that was merged into another and whose login that one has."""
NEW_FOR = timedelta(days=30)

# Ids of the people whom an outside guest knows: a query each, that becomes a part of another.
circles: Offers[Callable[[User], models.QuerySet[Any]]] = Offers("circles of guests")


@models.TextField.register_lookup
class Like(models.Lookup[str]):
    """SQL's own LIKE, for a pattern that the database makes."""

    lookup_name = "like"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right}", [*left_params, *right_params]


@dataclass(frozen=True)
class Face:
    """How a person is shown beside what they made: a value, so that what shows it can be rendered once."""

    pk: int
    name: str
    initials: str
    photo_id: int | None = None

    @classmethod
    def of(cls, pk: int, login: str, first_name: str, last_name: str, photo_id: int | None) -> Face:
        """From these columns of a person's row."""
        names = [part for part in (first_name, last_name) if part]
        name = " ".join(names) or _called_by_login(login)
        initials = "–" if _is_erased(login) else "".join(part[0] for part in names or [login]).upper()
        return cls(pk, name, initials, photo_id)


def _is_erased(login: str) -> bool:
    return login.startswith(ERASED)


def _called_by_login(login: str) -> str:
    """Without the host of an address: `ann.smith`."""
    return gettext("former employee") if _is_erased(login) else login.partition("@")[0]


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        return self.filter(status=User.Status.ACTIVE)

    def employees(self) -> Self:
        """Everybody who is of the company: outside guests and the dismissed are not."""
        return self.filter(is_extranet=False).exclude(status=User.Status.DISMISSED)

    def arrived(self) -> Self:
        """Without those who were invited and have not come yet."""
        return self.filter(invited_at=None)

    def erased(self) -> Self:
        return self.filter(login__startswith=ERASED)

    def new(self, now: datetime) -> Self:
        """Who came within the last thirty days."""
        return self.arrived().filter(joined_at__gt=now - NEW_FOR)

    def visible_to(self, user: User) -> Self:
        """Whom this person may look up: an employee everybody, an outside guest those of their circles."""
        if not user.is_extranet:
            return self.all()
        known = models.Q(pk=user.pk)
        for circle in circles:
            known |= models.Q(pk__in=circle(user))
        return self.filter(known)

    def matching(self, text: str) -> Self:
        """Whose name, e-mail, position or phone contains each word of the text, however it is spelt.

        What an account was called that was merged into another finds the person too.
        """
        found = self
        for word in terms(text):
            is_like = [models.Q(search_text__like=pattern) for pattern in patterns(word)]
            if not is_like:
                return found.none()
            asked = reduce(or_, is_like)
            merged = User.objects.merged().filter(asked).values("merged_into")
            found = found.filter(asked | models.Q(id__in_array=ArraySubquery(merged)))
        return found

    def merged(self) -> Self:
        """Accounts that are another person's now."""
        return self.filter(merged_into__isnull=False)

    def themselves(self) -> Self:
        """Without accounts that were merged into another."""
        return self.filter(merged_into=None)

    def called(self, names: Collection[str]) -> dict[str, User]:
        """By login and by e-mail who has them now, also those of accounts that were merged into theirs."""
        found: dict[str, User] = {}
        rows = self.filter(models.Q(login__in=names) | models.Q(email__in=names))
        for row in rows.select_related("merged_into"):
            for name in filter(None, (row.login, row.email)):
                found[name] = row.merged_into or row
        return found

    def resembling(self, text: str) -> list[User]:
        """Those few whose name is nearly the text, the nearest first: for when nobody matches it."""
        text = " ".join(terms(text))
        if not text:
            return []
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(SIMILAR_ENOUGH)]
            )
            wanted = Spelling(models.Value(text))
            near = self.filter(search_text__trigram_word_similar=wanted)
            return list(
                near.order_by(TrigramWordDistance(wanted, "search_text"), "sort_name")[:MOST_RESEMBLING]  # type: ignore[arg-type]
            )

    def signing_in_as(self, name: str) -> Self:
        """Who signs in with this login or e-mail, one person at most; it is in small letters already."""
        return self.filter(pk__in=SignInName.objects.filter(name=name).values("person"))

    def by_name(self) -> Self:
        """In the order of the alphabet, Ё after Е."""
        return self.order_by(models.F("sort_name").asc(), "id")

    def looked_for(self, text: str) -> Self:
        """Who matches the text, the nearest first; nobody while there is no text."""
        return self.matching(text).nearest_first(text) if text.strip() else self.none()

    def nearest(self, text: str, most: int) -> list[User]:
        """The first of who matches the text; where nobody does, whoever is called nearly so."""
        return list(self.looked_for(text)[:most]) or self.resembling(text)[:most]

    def nearest_first(self, text: str) -> Self:
        """First whoever is called so, then whose name begins so, then by patronymic, then by any other word
        that begins so, and last whoever has it within a word: each in the order of the alphabet."""
        near = self.annotate(distance=distance(text))
        return near.order_by("distance", models.F("sort_name").asc(), "id")

    def below(self, person: User) -> Self:
        """The page that goes on after this person, in the order of `by_name`."""
        same_name = models.Q(sort_name=person.sort_name, id__gt=person.pk)
        return self.filter(models.Q(sort_name__gt=person.sort_name) | same_name)


def distance(text: str) -> models.expressions.Combinable:
    """How far a person is from the text: the sum over its words."""
    distances = []
    for word in terms(text):
        near = [reduce(or_, (models.Q(search_text__like=one) for one in likes)) for likes in ranks(word)]
        if near:
            whens = [models.When(like, then=rank) for rank, like in enumerate(near)]
            distances.append(models.Case(*whens, default=len(near)))
    return reduce(add, distances, models.Value(0))


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> User:
        """Who signs in with this login or e-mail, however it is capitalised; a merged account's are those of
        the person it was merged into."""
        user: User = self.signing_in_as((username or "").strip().lower()).get()
        return user


class User(HotModel, AbstractBaseUser):
    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")
        DISMISSED = "dismissed", _("dismissed")

    class Theme(models.TextChoices):
        AUTO = "auto", _("like the system")
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    class BirthdayShown(models.TextChoices):
        DAY = "day", _("the day and the month")
        YEAR = "year", _("with the year")
        NOBODY = "nobody", _("to nobody")

    class Gender(models.TextChoices):
        """Said by whoever wants to be written to accordingly; the portal decides nothing by it."""

        WOMAN = "F", _("woman")
        MAN = "M", _("man")

    login = models.CharField(_("login"), max_length=150, unique=True)
    email = models.EmailField(_("e-mail"), blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    former_last_name = models.CharField(_("former last name"), max_length=100, blank=True, db_default="")
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    patronymic = models.CharField(_("patronymic"), max_length=100, blank=True)
    position = models.CharField(_("position"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True, default="", db_default="")
    gender = models.CharField(
        _("gender"), max_length=1, blank=True, choices=Gender, default="", db_default=""
    )
    # XML_ID of Bitrix24.
    external_id = external_column()
    birthday_on = models.DateField(_("birthday"), null=True, blank=True)
    birthday_shown = models.CharField(
        _("birthday is shown"), max_length=6, choices=BirthdayShown, default=BirthdayShown.DAY,
        db_default=BirthdayShown.DAY.value,
    )  # fmt: skip

    # A small square picture, ready to be shown. Its id is the picture's version: a new one is a new blob.
    photo = models.ForeignKey("files.Blob", models.PROTECT, null=True, related_name="+", editable=False)

    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    # When the last invitation was sent; None once it was taken up, and for whoever never had one.
    invited_at = models.DateTimeField(null=True, editable=False)
    is_extranet = models.BooleanField(default=False)
    is_administrator = models.BooleanField(_("administrator"), default=False)
    is_demo = models.BooleanField(default=False)
    # Beside the password; until when a role leaves time to set one up.
    has_second_factor = models.BooleanField(default=False, db_default=False, editable=False)
    second_factor_due_at = models.DateTimeField(null=True, editable=False)
    # The account of the same person that remains: this one only leads there, and is dismissed.
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="merged", editable=False, db_index=False
    )
    # Raised whenever the person's codes change: see box.core.access.principals.
    access_version = models.PositiveIntegerField(default=1)
    joined_at = models.DateTimeField(default=timezone.now)

    # What else the person is found by: written by who writes what it is made of.
    own_words = models.TextField(blank=True, db_default="", default="", editable=False)
    skill_words = models.TextField(blank=True, db_default="", default="", editable=False)

    language = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)

    sort_name = models.GeneratedField(
        expression=Lower(Concat("last_name", models.Value(" "), "first_name")),
        output_field=models.CharField(max_length=201, db_collation="und-x-icu"),
        db_persist=True,
    )
    # The month and the day as one number, 1124 for the 24th of November.
    birthday_number = models.GeneratedField(
        expression=ExtractMonth("birthday_on") * 100 + ExtractDay("birthday_on"),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )
    # Names in one spelling for both scripts, and the phone's digits; see box.core.accounts.search.
    search_text = models.GeneratedField(
        expression=Concat(
            Spelling(
                Concat(
                    *words("last_name", "first_name"),
                    models.Value(f" {END_OF_NAMES}"),
                    *words("patronymic"),
                    models.Value(f" {END_OF_PATRONYMIC}"),
                    *words("former_last_name", "email", "position", "own_words", "skill_words"),
                    output_field=models.TextField(),
                )
            ),
            models.Value(" "),
            Digits("phone"),
            output_field=models.TextField(),
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    # What the company has defined beside: see box.core.accounts.custom_fields.
    custom = FieldValues()

    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint("email", name="user_email_once", condition=~models.Q(email="")),
            models.CheckConstraint(condition=models.Q(login=Lower("login")), name="user_login_is_lower"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower"),
            models.CheckConstraint(
                condition=models.Q(merged_into=None)
                | (models.Q(status="dismissed") & ~models.Q(merged_into=models.F("id"))),
                name="user_merged_is_dismissed",
            ),
        ]
        indexes = [
            models.Index("sort_name", "id", name="user_by_name"),
            models.Index("joined_at", name="user_by_joining"),
            models.Index("birthday_number", "sort_name", name="user_by_birthday"),
            external_index("user_external_id"),
            # Without a pending list: who has just come is found at the price of all others.
            GinIndex(
                fields=["search_text"], opclasses=["gin_trgm_ops"], name="user_search", fastupdate=False
            ),
            models.Index(
                fields=["merged_into"],
                name="user_merged",
                condition=models.Q(merged_into__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether this person may sign in."""
        return self.status == self.Status.ACTIVE

    @cached_property
    def name(self) -> str:
        """How colleagues call the person; after the login of whoever has no name yet."""
        return self.face.name

    @property
    def full_name(self) -> str:
        """As in a document: last name, with the former one, first name, patronymic."""
        former = f"({self.former_last_name})" if self.former_last_name else ""
        parts = [self.last_name, former, self.first_name, self.patronymic]
        return " ".join(filter(None, parts)) or self._called_without_name

    @property
    def is_erased(self) -> bool:
        """Whether nothing is known of the person any more but what they made."""
        return _is_erased(self.login)

    @staticmethod
    def nameless(user_id: int | None) -> str:
        """How a record names an erased person: by the number."""
        return f"{gettext('former employee')} ({user_id})"

    @property
    def _called_without_name(self) -> str:
        return _called_by_login(self.login)

    @property
    def owners(self) -> dict[str, str]:
        """By the name of a field the outside source that owns it: here it is only shown."""
        profile = Profile.objects.filter(user=self).only("owners").first()
        return profile.owners if profile else {}

    @property
    def face(self) -> Face:
        return Face.of(self.pk, self.login, self.first_name, self.last_name, self.photo_id)

    @property
    def initials(self) -> str:
        return self.face.initials


class Profile(models.Model):
    """What is known of a person beside the row that every page reads: who owns which of its
    fields, by their names or `Field.key`."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="profile")
    owners = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"profile of {self.user_id}"


class SignInName(models.Model):
    """A login or an e-mail, and whom it lets in. Both are one space: what one person signs in with is never
    another's. Written by the database with every write to people, and by nobody else."""

    name = models.CharField(max_length=254)
    # Whose login or e-mail it is; the person is another where the account was merged into theirs.
    account = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(User, models.CASCADE, related_name="sign_in_names")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="sign_in_name_once"),
            ExclusionConstraint(
                name="sign_in_name_of_one_person", expressions=[("name", "="), ("person", "<>")]
            ),
        ]

    def __str__(self) -> str:
        return self.name
