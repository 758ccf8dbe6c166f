"""What the REST API can do: rooms declare methods in their `api.py`, and `box.rest` answers.

    scopes.add("department", Scope(_("Departments"), _("Read the structure."), room="structure"))
    methods.add("department.get", Method(
        room="structure", scopes=("department",), about=_("Departments."), parameters=DepartmentGet,
        answer=departments, result=listed(ID="string", NAME="string"), source=f"{DOCS}departments/...",
    ))

Names, fields and shapes are those of Bitrix24, so that what was written for it works here unchanged. Whoever
calls is a person: `answer` asks the same `visible_to` and calls the same actions as the pages do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.forms.fields import BaseTemporalField
from django.utils.translation import gettext_lazy as _

from box.core.registry.offers import Offers
from box.core.registry.origin import is_importing, moment

if TYPE_CHECKING:
    from django.db import models
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.registry.filtering import Filterable

DOCS = "https://apidocs.bitrix24.com/api-reference/"
"""Where the methods are described that ours are like."""


class ApiRefused(Exception):
    """The answer is an error: `code` for programs, the text for whoever reads their log; `fields` are what is
    wrong with which parameter."""

    def __init__(
        self, code: str, text: _StrOrPromise, *, status: int = 400, fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.code, self.text, self.status, self.fields = code, text, status, fields or {}


def not_found(text: _StrOrPromise) -> ApiRefused:
    """For what is not there, and for what this person may not see: they cannot tell the two apart. With the
    status of a method's own errors, as Bitrix24 answers them."""
    return ApiRefused("ERROR_NOT_FOUND", text)


# What a method is asked with


class Several(forms.Field):
    """A list of texts; one text is a list of one."""

    def to_python(self, value: Any) -> list[str]:
        if value in self.empty_values:
            return []
        values = (
            value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
        )
        if any(isinstance(one, list | Mapping) for one in values):
            raise ValidationError(_("Write a list of single values."), code="shape")
        return [str(one) for one in values]


class Structures(forms.Field):
    """A list of maps, such as the lines of a paper. An empty one is one too: that there are to be none."""

    def to_python(self, value: Any) -> list[Mapping[str, Any]]:
        values = list(value.values()) if isinstance(value, Mapping) else value or []
        if not isinstance(values, list) or not all(isinstance(one, Mapping) for one in values):
            raise ValidationError(_("Write a list of maps of names and values."), code="shape")
        return values

    def clean(self, value: Any) -> list[Mapping[str, Any]]:
        return super().clean(value) if value is None else self.to_python(value)


class Conditions(forms.Field):
    """Conditions by the names of fields; see `box.core.registry.filtering`."""

    def to_python(self, value: Any) -> Mapping[str, Any]:
        if value in self.empty_values:
            return {}
        if not isinstance(value, Mapping):
            raise ValidationError(_("Write conditions by the names of fields."), code="shape")
        return value


class Sorting(forms.Field):
    """`DESC`, or as in some methods the field with its direction: `{"NAME": "ASC"}`."""

    def to_python(self, value: Any) -> str | Mapping[str, str]:
        given = list(value.values()) if isinstance(value, Mapping) else [value or "ASC"]
        if any(str(one).upper() not in ("ASC", "DESC") for one in given):
            raise ValidationError(_("The order is ASC or DESC."), code="order")
        if isinstance(value, Mapping):
            return {str(name).upper(): str(one).upper() for name, one in value.items()}
        return str(given[0]).upper()


class YesNo(forms.Field):
    """Y or N, or what JSON and PHP call the same."""

    def to_python(self, value: Any) -> bool:
        if value in self.empty_values:
            return False
        return truth(value)


def truth(value: Any) -> bool:
    """Raises ValidationError for what is neither yes nor no."""
    text = str(value).strip().lower()
    if text in ("y", "1", "true"):
        return True
    if text in ("n", "0", "false"):
        return False
    raise ValidationError(_("Write Y or N."), code="yes-no")


def one_text(value: Any) -> str:
    """What programs write for a text: numbers too, and null where there is none. Raises ValidationError for a
    list and an object, which no text is made of."""
    if isinstance(value, list | Mapping):
        raise ValidationError(_("Write one value here."), code="shape")
    return "" if value in (None, False) else str(value)


class AsSent(forms.Field):
    """Whatever was sent, for values of several shapes, such as files: whoever reads it says what is wrong."""


STRUCTURED = (Several, Structures, Conditions, Sorting, AsSent)
_MEANINGFUL = frozenset(("FILTER", "ORDER", "SORT", "SELECT", "RIGHTS"))


class Parameters(forms.Form):
    """What a method takes: its fields are named in capital letters, and may be given in any.

    `given` holds all that came under these names, for methods whose filters are parameters themselves.
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.given = {name.upper(): value for name, value in (given or {}).items()}
        self._misshapen = {
            name
            for name, one in self.base_fields.items()
            if isinstance(self.given.get(name), list | Mapping) and not isinstance(one, STRUCTURED)
        }
        super().__init__(
            {name: self._one(name, one) for name, one in self.given.items() if name not in self._misshapen}
        )

    def _one(self, name: str, value: Any) -> Any:
        """Django's fields of moments break over what is no text."""
        is_of_time = isinstance(self.base_fields.get(name), BaseTemporalField)
        return str(value) if is_of_time and value is not None else value

    def clean(self) -> dict[str, Any]:
        # What changes which rows come, or whose they become, is not passed over where it does nothing.
        for name in sorted(_MEANINGFUL & set(self.given) - set(self.fields)):
            self.add_error(
                None, ValidationError(f"{name}: {_('This method does not know it.')}", code="unknown")
            )
        for name in sorted(self._misshapen):
            # In place of the word that it is missing.
            self.errors.pop(name, None)
            self.add_error(name, ValidationError(_("Write one value here."), code="shape"))
        return self.cleaned_data

    @property
    def others(self) -> dict[str, Any]:
        """What was given beside the fields."""
        return {name: value for name, value in self.given.items() if name not in self.fields}


MOST_ROWS = 10**12
"""More than there are of anything: a number of a thousand digits is none of theirs."""


class ListParameters(Parameters):
    """Of a method that answers with pages of fifty."""

    START = forms.IntegerField(
        required=False,
        min_value=-1,
        max_value=MOST_ROWS,
        help_text=_("How many rows to pass over, as `next` says; -1: the first page without counting."),
    )


# What it answers


@dataclass(frozen=True)
class Listing[M: models.Model]:
    """Rows that are answered in pages. `show` makes a page of them into JSON, in a number of queries that
    does not depend on theirs. Ordered by `id` or `-id`, pages are found by key, however far one walks.
    """

    rows: models.QuerySet[M]
    show: Callable[[Sequence[M]], list[Any]]
    order: tuple[str, ...] = ("id",)
    within: str = ""
    """Under which name the list stands in the answer; none: it is the answer."""


@dataclass(frozen=True)
class Call:
    """One call: who is behind it, what their webhook may, and the checked parameters."""

    user: User
    scopes: frozenset[str]
    parameters: Parameters
    now: datetime
    webhook_id: int
    by: User | None = None
    """Whose doing it was, where it is taken over from elsewhere."""

    @property
    def author(self) -> User:
        """In whose name it is written. What may be seen and done is asked of `user`, who calls."""
        return self.by or self.user

    @property
    def may_transfer(self) -> bool:
        return TRANSFER in self.scopes and self.user.is_administrator

    @property
    def values(self) -> dict[str, Any]:
        return self.parameters.cleaned_data


@dataclass(frozen=True)
class Scope:
    """What whoever makes a webhook allows it; gone with the service of its room."""

    label: _StrOrPromise
    help: _StrOrPromise
    room: str


@dataclass(frozen=True, kw_only=True)
class Method:
    """`answer` returns JSON's own types or a Listing; raises ValidationError, PermissionDenied or ApiRefused.

    A method that `makes` something returns the object: its id is the answer, or what `made` says of it, and
    it is made once for one `Idempotency-Key`: of what was made then `made` says as much as the caller still
    `sees`, else its id is all. `scopes` are those of which one suffices; none: every webhook
    may. `result` is the JSON Schema of the answer.
    """

    room: str
    about: _StrOrPromise
    answer: Callable[[Call], Any]
    result: Mapping[str, Any]
    source: str
    scopes: tuple[str, ...] = ()
    parameters: type[Parameters] = Parameters
    makes: type[models.Model] | None = None
    made: Callable[[Any, Call], Any] = lambda one, call: int(one.pk)
    sees: Callable[[Any, Call], bool] = lambda one, call: False
    makes_now: Callable[[Call], bool] = lambda call: True
    """Whether this call makes it, or only tells where its bytes are to be sent."""
    takes_over: bool = False
    """Whether a migration may say whose doing it was, and when: see `box.rest.taking_over`."""
    filters: Mapping[str, Filterable] = field(default_factory=dict)
    """By name what rows can be filtered by, in FILTER or as parameters."""


@dataclass(frozen=True)
class HookEvent:
    """What addresses outside can be told of. `data` makes an event into fields as Bitrix24 names them, or
    into several messages; None, where there is nothing to tell, or nothing any more. Whoever wants to know
    more asks by REST."""

    room: str
    label: _StrOrPromise
    event: type[Any]
    data: Callable[[Any], Mapping[str, Any] | Sequence[Mapping[str, Any]] | None]


def numbered(pk: int) -> Mapping[str, Any]:
    """What most events tell, where Bitrix24's own put it: some of them into FIELDS and some beside."""
    return {"FIELDS": {"ID": pk}, "ID": pk}


@dataclass(frozen=True)
class Download:
    """How programs get bytes: `address(user, pk, host)` is where they lie for this person for a moment.
    Raises ApiRefused for what they do not see."""

    scope: str
    room: str
    address: Callable[[User, int, str], str]


downloads: Offers[Download] = Offers("downloads for programs")
_DOWNLOAD_SALT = "rest.download"
DOWNLOAD_SECONDS = 3600


def download_token(kind: str, pk: int, call: Call) -> str:
    """Opens this one thing for an hour, as long as the webhook that was asked with it lives."""
    return signing.dumps([call.webhook_id, kind, pk], salt=_DOWNLOAD_SALT)


def download_address(kind: str, pk: int, call: Call) -> str:
    """Where whoever has it fetches this one thing, see `download_token`."""
    return f"{settings.PORTAL_URL}/rest/download.json?token={download_token(kind, pk, call)}"


def read_download_token(token: str) -> tuple[int, str, int] | None:
    try:
        webhook_id, kind, pk = signing.loads(token, salt=_DOWNLOAD_SALT, max_age=DOWNLOAD_SECONDS)
    except (signing.BadSignature, ValueError):
        return None
    return webhook_id, kind, pk


TRANSFER = "korobka_transfer"
"""The scope of a migration: writing in the name of others, and of when it was. Of administrators alone."""


def upload_address(method: str, call: Call) -> str:
    """Where the bytes are sent for which a method was asked without any: once, within an hour, as long as the
    webhook lives. It is called once more then, with them."""
    given = {name: value for name, value in call.parameters.given.items() if name in call.parameters.fields}
    if call.by is not None or is_importing():
        given |= {"KOROBKA_BY": call.author.pk, "KOROBKA_AT": moment().isoformat()}
    # With what makes each its own: two that are asked for within a second are for two files.
    told = [call.webhook_id, method, given, token_hex(8)]
    token = signing.dumps(told, salt=_UPLOAD_SALT, compress=True)
    if len(token) > LONGEST_UPLOAD_TOKEN:
        raise ValidationError(_("This is too much for an address: send the bytes with it."), code="long")
    return f"{settings.PORTAL_URL}/rest/upload.json?token={token}"


def read_upload_token(token: str) -> tuple[int, str, dict[str, Any]] | None:
    try:
        told = signing.loads(token, salt=_UPLOAD_SALT, max_age=DOWNLOAD_SECONDS)
        webhook_id, method, given, _own = told
    except (signing.BadSignature, ValueError):
        return None
    return webhook_id, method, given


LONGEST_UPLOAD_TOKEN = 4000
UPLOAD_FIELD = "file"
"""Of the form in which the bytes are sent there."""
_UPLOAD_SALT = "rest.upload"


@dataclass(frozen=True)
class Place:
    """Where a page of an application may stand, offered under Bitrix24's name for it: in the menu, or beside
    objects of this kind, of which its handler is told the number as `key`.

    `scope` is what the application needs beside `placement`; `by_group` says whether it may choose the groups
    whose objects these are.
    """

    room: str
    scope: str = ""
    kind: str = ""
    key: str = ""
    by_group: bool = False


places: Offers[Place] = Offers("places for pages of applications")
hook_events: Offers[HookEvent] = Offers("events for outgoing webhooks")
scopes: Offers[Scope] = Offers("scopes of the REST API")
methods: Offers[Method] = Offers("methods of the REST API")
methods_of_v3: Offers[Method] = Offers("methods of the REST API, version 3")
"""Under `/rest/api/`: names that may be the same, of methods that take and answer otherwise."""


@dataclass(frozen=True, kw_only=True)
class MethodGroup:
    """Methods of one room and scope whose names begin alike.

    TASKS = MethodGroup(
        prefix="tasks.task.", room="tasks", scopes=("task",), source=f"{DOCS}tasks/tasks-task-{{}}.html"
    )
    TASKS.add("get", _("One task."), TaskGet, get, shaped(task="object"))
    """

    prefix: str
    room: str
    scopes: tuple[str, ...]
    source: str
    """Where they are described; {} stands for the rest of the name, with hyphens for its dots."""
    offers: Offers[Method] = methods

    def add(
        self,
        name: str,
        about: _StrOrPromise,
        parameters: type[Parameters],
        answer: Callable[[Call], Any],
        result: Mapping[str, Any],
        **more: Any,
    ) -> None:
        """`more` is what else a Method has."""
        method = Method(
            room=self.room,
            scopes=self.scopes,
            about=about,
            parameters=parameters,
            answer=answer,
            result=result,
            source=self.source.format(name.replace(".", "-")),
            **more,
        )
        self.offers.add(f"{self.prefix}{name}", method)


def in_small_letters(name: str) -> str:
    """A name as newer methods write it: `userTypeId` for `USER_TYPE_ID`."""
    first, *others = name.lower().split("_")
    return first + "".join(map(str.capitalize, others))


# JSON Schema in short


def shaped(**types: str) -> dict[str, Any]:
    """The schema of an object: `shaped(ID="string", UF_DEPARTMENT="array of integer", PHOTO="string?")`."""
    return {"type": "object", "properties": {name: _schema(one) for name, one in types.items()}}


def listed(**types: str) -> dict[str, Any]:
    """Of a list of such objects."""
    return {"type": "array", "items": shaped(**types)}


def _schema(words: str) -> dict[str, Any]:
    if words.startswith("array of "):
        return {"type": "array", "items": _schema(words.removeprefix("array of "))}
    if words.endswith("?"):
        return {"type": [words[:-1], "null"]}
    return {"type": words}
