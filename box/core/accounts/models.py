"""People. An employee is never deleted, only suspended or dismissed: what they made stays."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.indexes import GinIndex
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Concat, Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        return self.filter(status=User.Status.ACTIVE)

    def employees(self) -> Self:
        """Everybody who is of the company: outside guests and the dismissed are not."""
        return self.filter(is_extranet=False).exclude(status=User.Status.DISMISSED)

    def visible_to(self, user: User) -> Self:
        """Whom this person may look up: an employee everybody, an outside guest only themselves."""
        return self.filter(pk=user.pk) if user.is_extranet else self.all()

    def matching(self, text: str) -> Self:
        """Whose name, e-mail or position contains each word of the text."""
        found = self
        for word in text.lower().split():
            found = found.filter(search_text__contains=word)
        return found

    def by_name(self) -> Self:
        """In the order of the alphabet, Ё after Е."""
        return self.order_by(models.F("sort_name").asc(), "id")

    def below(self, person: User) -> Self:
        """The page that goes on after this person, in the order of `by_name`."""
        same_name = models.Q(sort_name=person.sort_name, id__gt=person.pk)
        return self.filter(models.Q(sort_name__gt=person.sort_name) | same_name)


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> User:
        """Who signs in with this login or e-mail, however it is capitalised."""
        name = (username or "").strip().lower()
        user: User = self.get(models.Q(login=name) | models.Q(email=name))
        return user


class User(AbstractBaseUser):
    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")
        DISMISSED = "dismissed", _("dismissed")

    class Theme(models.TextChoices):
        AUTO = "auto", _("like the system")
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    login = models.CharField(_("login"), max_length=150, unique=True)
    email = models.EmailField(_("e-mail"), blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    patronymic = models.CharField(_("patronymic"), max_length=100, blank=True)
    position = models.CharField(_("position"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    birthday_on = models.DateField(_("birthday"), null=True, blank=True)

    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    is_extranet = models.BooleanField(default=False)
    is_administrator = models.BooleanField(_("administrator"), default=False)
    is_demo = models.BooleanField(default=False)
    # Raised whenever the person's codes change: see box.core.access.principals.
    access_version = models.PositiveIntegerField(default=1)
    joined_at = models.DateTimeField(default=timezone.now)

    language = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)

    sort_name = models.GeneratedField(
        expression=Lower(Concat("last_name", models.Value(" "), "first_name")),
        output_field=models.CharField(max_length=201, db_collation="und-x-icu"),
        db_persist=True,
    )
    search_text = models.GeneratedField(
        expression=Lower(
            Concat(
                *("last_name", models.Value(" "), "first_name", models.Value(" "), "patronymic"),
                *(models.Value(" "), "email", models.Value(" "), "position"),
                output_field=models.TextField(),
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint("email", name="user_email_once", condition=~models.Q(email="")),
            models.CheckConstraint(condition=models.Q(login=Lower("login")), name="user_login_is_lower"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower"),
        ]
        indexes = [
            models.Index("sort_name", "id", name="user_by_name"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="user_search"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether this person may sign in."""
        return self.status == self.Status.ACTIVE

    @cached_property
    def name(self) -> str:
        """How colleagues call the person; the login of whoever has no name yet."""
        return " ".join(filter(None, [self.first_name, self.last_name])) or self.login

    @property
    def full_name(self) -> str:
        """As in a document: last name, first name, patronymic."""
        return " ".join(filter(None, [self.last_name, self.first_name, self.patronymic])) or self.login

    @property
    def initials(self) -> str:
        letters = [part[0] for part in (self.first_name, self.last_name) if part] or [self.login[0]]
        return "".join(letters).upper()


class Session(AbstractBaseSession):
    """A signed-in browser. The person is a column, so that all of theirs can be ended at once."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    started_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        db_table = "accounts_session"

    @classmethod
    def get_session_store_class(cls) -> Any:
        from box.core.accounts.sessions import SessionStore

        return SessionStore
