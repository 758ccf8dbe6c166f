"""Tasks, and who is in them beside the one who gave it and the one who does it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from markupsafe import Markup

from box.apps.tasks.states import State
from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.access.principals import code_of, codes_of
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.fields.lookups import FieldValues
from box.core.files.models import File
from box.core.groups.models import Group
from box.core.registry.capabilities import Card, Ref
from box.core.registry.environment import url
from box.core.registry.external import external_column, external_index
from box.lib.numbers import whole_number
from box.lib.prepared import Param
from box.lib.rich_text import LONGEST_TAG
from box.lib.search_words import words_of

if TYPE_CHECKING:
    from collections.abc import Collection

KIND = "tasks.task"
KEPT_IN_TRASH_DAYS = 30
OPEN = Q(closed_at=None, deleted_at=None)
"""What is to be done: neither over nor in the trash."""
MOST_TAGS = 20
LONGEST_BEGUN_TITLE, LONGEST_BEGUN_TEXT = 200, 2000
"""Of a task that is begun by a link: addresses have an end."""


ANYBODY = Param("user", models.BigIntegerField())
OWN_CODE = Param("own_code", ArrayField(models.TextField()))


def asked_by(user: User) -> dict[str, Any]:
    """For the parameters of queries of ANYBODY's tasks."""
    return {"user": user.pk, "own_code": [code_of(user)]}


class TaskQuerySet(AudienceQuerySet["Task"]):
    def visible_to(self, user: User) -> Self:
        """Nothing is for everybody here: of many tasks each person sees few, which the index finds first."""
        if not user.is_active or user.is_administrator:
            return super().visible_to(user)
        return self.reachable_by_few(codes_of(user))

    def each_visible_to(self, user: User) -> Self:
        """The same rows as `visible_to`, for questions about a few that a key finds: each of them is looked
        at, where `visible_to` would first gather all that the person sees."""
        if not user.is_active or user.is_administrator:
            return super().visible_to(user)
        return self.reachable_by_many(codes_of(user))

    def there(self) -> Self:
        return self.filter(deleted_at=None)

    def thrown_away(self) -> Self:
        return self.exclude(deleted_at=None)

    def open(self) -> Self:
        return self.filter(OPEN)

    def done_by(self, user: User | Param) -> Self:
        return self.filter(responsible=user)

    def given_by(self, user: User | Param) -> Self:
        """To others: what one gives oneself one does."""
        return self.filter(created_by=user).exclude(responsible=user)

    def with_role(self, user: User | Param, role: str) -> Self:
        return self.filter(pk__in=Participant.objects.filter(user=user, role=role).values("task"))

    def involving(self, user: User | Param) -> Self:
        """In whatever role."""
        return self.reachable_by_few(OWN_CODE if isinstance(user, Param) else [code_of(user)])

    def in_role(self, user: User | Param, role: str) -> Self:
        """By a word of addresses: do, help, gave, watch; any other is whatever role. An index of the role
        finds them, and nobody is asked who sees them: what one is in one sees.

        In a query that is composed once `user` is ANYBODY, and `asked_by` says who it is when it runs."""
        match role:
            case "do":
                return self.done_by(user)
            case "help":
                return self.with_role(user, Participant.Role.ACCOMPLICE)
            case "gave":
                return self.given_by(user)
            case "watch":
                return self.with_role(user, Participant.Role.OBSERVER)
        return self.involving(user)

    def overdue(self, now: datetime) -> Self:
        return self.open().filter(deadline_at__lt=now)

    def tagged(self, tag: str) -> Self:
        return self.filter(tags__contains=[tag.lower()])

    def matching(self, text: str) -> Self:
        """Whose title contains each word of the text."""
        found = self
        for word in words_of(text):
            found = found.filter(search_text__contains=word)
        return found

    def as_shown(self) -> Self:
        return self.select_related("responsible", "created_by", "project")


class Task(AudienceModel):
    """The audience is everybody in it, the members of its project, and the heads above those in it."""

    class Priority(models.IntegerChoices):
        LOW = 0, pgettext_lazy("priority", "low")
        NORMAL = 1, pgettext_lazy("priority", "normal")
        HIGH = 2, pgettext_lazy("priority", "high")

    title = models.CharField(_("title"), max_length=255)
    # As it is searched and quoted; `html` is the same as it is shown, clean: see box.lib.rich_text.
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, default="")
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING)
    state_since = models.DateTimeField(default=timezone.now)
    priority = models.PositiveSmallIntegerField(
        pgettext_lazy("of a task", "priority"), choices=Priority, default=Priority.NORMAL
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    responsible = models.ForeignKey(
        User, models.PROTECT, related_name="+", db_index=False, verbose_name=_("responsible")
    )
    project = models.ForeignKey(
        Group,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("project"),
    )
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="subtasks", db_index=False
    )
    deadline_at = models.DateTimeField(_("deadline"), null=True, blank=True)
    starts_at = models.DateTimeField(_("planned start"), null=True, blank=True)
    ends_at = models.DateTimeField(_("planned end"), null=True, blank=True)
    estimate_minutes = models.PositiveIntegerField(_("estimate"), null=True, blank=True)
    # In small letters.
    tags = ArrayField(models.CharField(max_length=LONGEST_TAG), default=list, blank=True)
    needs_acceptance = models.BooleanField(_("I accept the result"), default=True)
    may_move_deadline = models.BooleanField(_("Whoever is responsible may move the deadline"), default=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    # Since when it is completed.
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    # Among the tasks of a column of a board, in every board alike.
    rank = models.CharField(max_length=200, db_collation="C", default="i")
    # Kept with each write to its checklist and its time, so that lists read them with the task.
    items_count = models.PositiveIntegerField(default=0)
    items_done = models.PositiveIntegerField(default=0)
    spent_seconds = models.PositiveIntegerField(default=0)
    # That it is overdue was said, of this deadline.
    is_overdue_told = models.BooleanField(default=False)
    # Of a task that a template has given: the moment of its rule that it is for, which is given once, and how
    # many moments before it passed while the box was off.
    template = models.ForeignKey(
        "tasks.Template", models.SET_NULL, null=True, related_name="tasks", db_index=False
    )
    template_at = models.DateTimeField(null=True)
    times_missed = models.PositiveIntegerField(default=0, db_default=0)
    thread = models.OneToOneField(Thread, models.PROTECT, related_name="+")
    files = models.ManyToManyField(File, through="TaskFile", related_name="+")
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    search_text = models.GeneratedField(
        expression=Lower("title"), output_field=models.TextField(), db_persist=True
    )
    custom = FieldValues()
    # XML_ID of Bitrix24.
    external_id = external_column()

    objects: ClassVar[TaskQuerySet] = TaskQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        indexes = [
            *AudienceModel.Meta.indexes,
            # Lists of what is open are sorted by the deadline; what is over by when it was.
            models.Index("responsible", "deadline_at", "id", name="task_doing", condition=OPEN),
            models.Index("created_by", "deadline_at", "id", name="task_given", condition=OPEN),
            models.Index("project", "deadline_at", "id", name="task_of_project_open", condition=OPEN),
            models.Index("deadline_at", "id", name="task_by_deadline", condition=OPEN),
            models.Index(
                "responsible", "state", "rank", F("id").desc(), name="task_on_board", condition=OPEN
            ),
            models.Index("responsible", F("id").desc(), name="task_of_responsible"),
            models.Index("created_by", F("id").desc(), name="task_of_creator"),
            models.Index("project", F("id").desc(), name="task_of_project", condition=~Q(project=None)),
            models.Index("parent", "id", name="task_of_parent", condition=~Q(parent=None)),
            models.Index("closed_by", "closed_at", name="task_closed_by", condition=~Q(closed_by=None)),
            models.Index("deleted_at", name="task_deleted", condition=~Q(deleted_at=None)),
            models.Index("deleted_by", name="task_deleted_by", condition=~Q(deleted_by=None)),
            models.Index(
                "deadline_at",
                name="task_overdue_untold",
                condition=OPEN & Q(is_overdue_told=False) & ~Q(deadline_at=None),
            ),
            external_index("task_external_id"),
            GinIndex(fields=["tags"], name="task_tags", fastupdate=False),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="task_search"),
        ]
        constraints = [
            *AudienceModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(closed_at=None) ^ Q(state=State.COMPLETED), name="task_closed_as_completed"
            ),
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gte=F("starts_at")),
                name="task_ends_after_it_starts",
                violation_error_message=_("The planned end lies before the start."),
            ),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="task_is_not_its_own_parent"),
            models.UniqueConstraint(
                fields=["template", "template_at"],
                name="task_of_template_once",
                condition=~Q(template=None),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def body(self) -> Markup:
        return Markup(self.html)  # noqa: S704 - cleaned when it was written

    @property
    def ref(self) -> Ref:
        return Ref(KIND, self.pk)

    @property
    def author_id(self) -> int:
        return self.created_by_id

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and self.deleted_at is None

    @property
    def will_be_accepted(self) -> bool:
        """Whether what is done waits for whoever gave it; nobody else is asked once they have left."""
        return self.needs_acceptance and self.created_by.status != User.Status.DISMISSED

    @property
    def has_deadline_alone(self) -> bool:
        """Nothing else of it is planned."""
        return self.deadline_at is not None and self.ends_at is None and self.starts_at is None

    def is_overdue(self, now: datetime) -> bool:
        return self.is_open and self.deadline_at is not None and self.deadline_at < now

    def is_due_soon(self, now: datetime) -> bool:
        """Within a day."""
        deadline = self.deadline_at
        return self.is_open and deadline is not None and now <= deadline < now + timedelta(days=1)

    def get_absolute_url(self) -> str:
        return url("tasks:task", self.pk)


class Participant(models.Model):
    """Who helps with a task or watches it."""

    class Role(models.TextChoices):
        ACCOMPLICE = "accomplice", _("helps")
        OBSERVER = "observer", _("watches")

    task = models.ForeignKey(Task, models.CASCADE, related_name="participants", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "user"], name="task_participant_once")]
        indexes = [models.Index(fields=["user", "role", "task"], name="task_participant_of")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.task_id}"


class FileLink(models.Model):
    """A file that is part of one thing, at its place among the others."""

    file = models.OneToOneField(File, models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


class TaskFile(FileLink):
    task = models.ForeignKey(Task, models.CASCADE, related_name="file_links", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["task", "position"], name="task_file_of_task")]

    def __str__(self) -> str:
        return f"{self.file_id} of {self.task_id}"


def task_cards(ids: Collection[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    now = timezone.now()
    found = Task.objects.each_visible_to(reader).there().filter(pk__in=ids).select_related("responsible")
    return {task.pk: _card(task, now) for task in found}


def _card(task: Task, now: datetime) -> Card:
    tone = "bad" if task.is_overdue(now) else "good" if task.state == State.COMPLETED else ""
    state = str(_("overdue")) if task.is_overdue(now) else task.get_state_display()
    people = (task.responsible.face,)
    return Card(task.ref, task.title, task.get_absolute_url(), "checkbox", state, tone, people)


MOST_FOUND = 8


def found_tasks(text: str, reader: User) -> list[Card]:
    """See `box.core.registry.capabilities.Finder`: by words of the title, or by the number."""
    seen, now = Task.objects.visible_to(reader).there().select_related("responsible"), timezone.now()
    number = whole_number(text.lstrip("#"))
    found = seen.matching(text) if number is None else seen.filter(pk=number)
    return [_card(task, now) for task in found.order_by("-id")[:MOST_FOUND]]


def task_named(text: str, reader: User) -> Task:
    """The one that is meant by its title, its number, or both: `Report #12`. Raises ValidationError."""
    seen = Task.objects.visible_to(reader).there()
    number = whole_number(text.strip().rpartition("#")[2])
    found = seen.filter(title__iexact=text.strip()) if number is None else seen.filter(pk=number)
    found = found[:2]
    if len(found) != 1:
        said = _("Choose a task from those that are offered, or write its number: #12.")
        raise ValidationError(said, code="task")
    return found[0]


def new_address(draft: str, by: User) -> str:
    """See `box.core.registry.capabilities.Creator`: its first line becomes the title, all of it the text."""
    lines = draft.strip().splitlines() or [""]
    title = lines[0].strip()[:LONGEST_BEGUN_TITLE]
    text = draft if len(lines) > 1 or len(lines[0]) > LONGEST_BEGUN_TITLE else ""
    return f"{url('tasks:new')}?{urlencode({'title': title, 'text': text[:LONGEST_BEGUN_TEXT]})}"


def address_of(ref: Ref) -> str:
    """See `box.core.registry.capabilities.MadeOf`: where a task is begun of what was said there."""
    return f"{url('tasks:new')}?{urlencode({'of': str(ref)})}"
