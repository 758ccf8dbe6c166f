"""Lists of records, one for each type: columns, what is done with many, what is changed in a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.apps.crm.access import can_administer
from box.apps.crm.actions.erasure import erase_record
from box.apps.crm.actions.locks import locked_records
from box.apps.crm.actions.records import (
    Demanded,
    bring_back_records,
    change_record,
    delete_records,
    locked_record,
    move_record,
)
from box.apps.crm.catalog import catalog
from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import fields_for, sees_of_clients
from box.apps.crm.filters import filters_for
from box.apps.crm.inputs import INPUTS
from box.apps.crm.models import Record
from box.apps.crm.newest import usual_list
from box.apps.crm.permissions import Operation, reaches_into
from box.apps.crm.presenters import RecordRow, Step, as_row, rows_of
from box.core.accounts.models import User
from box.core.fields.lookups import joined
from box.core.lists.custom_fields import columns_of, filters_of
from box.core.lists.definition import (
    Act,
    Bulk,
    Column,
    Edit,
    Empty,
    List,
    Search,
    Shortcut,
    Sort,
    Way,
    deferred,
)
from box.core.lists.presenters import macro
from box.core.registry.environment import url
from box.lib.pages import number_of

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import QueryDict
    from markupsafe import Markup

    from box.apps.crm.catalog import Catalog
    from box.apps.crm.field_rights import RecordFields
    from box.apps.crm.models import RecordType, Stage
    from box.apps.crm.models.records import RecordQuerySet
    from box.core.lists.filters import Filter

UI = "crm/ui.html"


def _amount(row: RecordRow) -> SafeString:
    """In one piece, however narrow its column; nothing where no amount was named."""
    return format_html('<span class="number">{}</span>', row.sum) if row.amount else SafeString()


def record_list(user: User, kind: RecordType) -> List[Record, RecordRow]:
    fields = fields_for(user, kind.pk)
    own = fields.seen(set_of(kind.pk).fields)
    columns, filters = _design(catalog(), kind.pk, fields)
    return List(
        key=f"crm.{kind.slug}",
        title=kind.label,
        rows=deferred(lambda: joined(Record.objects.visible_to(user).there().of_type(kind.pk), own)),
        columns=(*columns, *columns_of(own)),
        filters=(*filters, *filters_of(own)),
        shortcuts=_shortcuts(kind),
        ways=ways_of(kind),
        bulk=tuple(_bulk(user, kind)),
        order="-added",
        search=_search(user, kind),
        read=lambda rows: as_row(rows, is_paper=kind.is_paper),
        usual=usual_list(user, kind),
        present=lambda rows: rows_of(rows, user, own),
        href=lambda row: row.url,
        is_remembered=True,
        can_export=reaches_into(user, Operation.EXPORT, kind),
        empty=_empty(user, kind),
    )


def _search(user: User, kind: RecordType) -> Search[Record]:
    """What has a client is found by the client's telephone too; papers by their numbers before that."""
    fields = fields_for(user, kind.pk)
    if not kind.has_client:
        return Search(
            gettext_lazy("Name, telephone, e-mail or tax number"),
            narrow=lambda rows, text: _records(rows).matching(text, fields.sees),
        )

    def narrow(rows: QuerySet[Record], text: str) -> QuerySet[Record]:
        if kind.is_paper:
            numbered = _records(rows).numbered(text.strip(" №#"), kind.pk)
            if numbered.exists():
                return numbered
        return _records(rows).matching(
            text,
            lambda name: fields.sees(name) and sees_of_clients(user, name),
            clients=Record.objects.visible_to(user).there(),
        )

    if kind.is_paper:
        return Search(gettext_lazy("Name, number, or the client's telephone or e-mail"), narrow=narrow)
    return Search(gettext_lazy("Name, or the client's telephone or e-mail"), narrow=narrow)


@lru_cache(maxsize=256)
def _design(
    catalog: Catalog, type_id: int, fields: RecordFields
) -> tuple[tuple[Column[RecordRow], ...], tuple[Filter[Any], ...]]:
    """The columns and filters of a type for all who reach as far among its fields."""
    kind = catalog.types[type_id]

    def is_seen(one: Column[RecordRow] | Filter[Any]) -> bool:
        return fields.sees(FIELD_OF.get(one.key, one.key))

    return (
        tuple(one for one in _columns(kind, fields) if is_seen(one)),
        tuple(one for one in filters_for(kind) if is_seen(one)),
    )


FIELD_OF: Mapping[str, str] = {
    "expected": "expected_on", "tax": "tax_number", "observer": "observers", "reached": "stage",
}  # fmt: skip
"""By the key of a column or a filter the field that it shows, where that is called otherwise."""


def exportable(listed: List[Record, RecordRow], user: User) -> List[Record, RecordRow]:
    """The same list, of the rows that this person may take along: fewer, perhaps, than they see."""
    return replace(listed, rows=_records(listed.rows).permitted(user, Operation.EXPORT))


def _records(rows: QuerySet[Record, Record]) -> RecordQuerySet:
    """What a list hands on as rows of any table."""
    return cast("RecordQuerySet", rows)


def ways_of(kind: RecordType) -> tuple[Way, ...]:
    if not kind.has_stages:
        return ()
    return (
        Way(gettext_lazy("Board"), icon="layout-kanban", url=url("crm:board", kind.slug)),
        Way(gettext_lazy("List"), icon="list", url=url("crm:list", kind.slug)),
        Way(gettext_lazy("Funnel"), icon="filter-2", url=url("crm:funnel", kind.slug)),
    )


def _shortcuts(kind: RecordType) -> tuple[Shortcut, ...]:
    mine = Shortcut(gettext_lazy("Mine"), "responsible=me")
    if not kind.has_stages:
        return (mine,)
    return (
        mine,
        Shortcut(gettext_lazy("In progress"), "state=open"),
        Shortcut(gettext_lazy("Overdue"), "step=overdue"),
        Shortcut(gettext_lazy("Nothing planned"), "step=none"),
    )


def _empty(user: User, kind: RecordType) -> Empty:
    text = _("What you add, and what is shared with you, stands here.")
    if not reaches_into(user, Operation.ADD, kind):
        return Empty(_("Nothing is here yet"), text)
    return Empty(_("Nothing is here yet"), text, url("crm:new", kind.slug), _("Add the first"))


def _columns(kind: RecordType, fields: RecordFields) -> Iterable[Column[RecordRow]]:
    def may(name: str) -> Callable[[RecordRow], bool]:
        return lambda row: row.may_change and fields.changes(name)

    def edit(name: str) -> Edit[Record]:
        one = INPUTS[name]
        return Edit(
            lambda record, by: one.html(_dressed(record), by),
            lambda record, given, by: change_record(record, one.read(given, by), by=by),
            may(name),
        )

    title = gettext_lazy("Name") if kind.is_person else gettext_lazy("Title")
    yield Column("title", title, lambda row: row.title, sort="title")
    if kind.is_paper:
        yield Column("number", gettext_lazy("Number"), lambda row: row.number)
    if kind.has_stages:
        yield Column(
            "stage",
            gettext_lazy("Stage"),
            lambda row: str(row.stage or ""),
            cell=macro(UI, "stage_of"),
            edit=Edit(lambda record, by: _stage_input(record, kind), _write_stage, may("stage")),
        )
    if kind.has_amount:
        yield Column(
            "amount",
            gettext_lazy("Amount"),
            lambda row: row.amount,
            sort=Sort(("base_amount",)),
            cell=_amount,
            edit=edit("amount"),
        )
        yield Column("currency", gettext_lazy("Currency"), lambda row: row.currency, is_offered=False)
    if kind.has_client or kind.is_person:
        yield Column(
            "client",
            gettext_lazy("Client"),
            lambda row: row.client.title if row.client else "",
            cell=macro(UI, "client_of"),
        )
    if kind.has_stages:
        yield Column(
            "step",
            gettext_lazy("Next step"),
            lambda row: row.next_step_at if row.step != Step.CLOSED else None,
            sort=Sort(("next_step_at",), is_nullable=True),
            cell=macro(UI, "step_of"),
        )
    yield Column(
        "responsible",
        gettext_lazy("Responsible"),
        lambda row: row.responsible,
        edit=edit("responsible"),
    )
    if kind.has_contact_points:
        yield Column(
            "phone",
            gettext_lazy("Telephone"),
            lambda row: [one.value for one in row.phones],
            cell=macro(UI, "phones_of"),
        )
        yield Column(
            "email",
            gettext_lazy("E-mail"),
            lambda row: [one.value for one in row.emails],
            cell=macro(UI, "emails_of"),
        )
    if kind.has_stages:
        yield Column(
            "expected",
            gettext_lazy("Expected to end"),
            lambda row: row.expected_on,
            sort=Sort(("expected_on",), is_nullable=True),
            edit=edit("expected_on"),
            is_shown=False,
        )
    yield Column(
        "source",
        gettext_lazy("Source"),
        lambda row: row.source,
        edit=edit("source"),
        is_shown=False,
    )
    if kind.has_contact_points:
        yield Column("tax", gettext_lazy("Tax number"), lambda row: row.tax_number, is_shown=False)
        yield Column("address", gettext_lazy("Address"), lambda row: row.address, is_shown=False)
    yield Column("changed", gettext_lazy("Last changed"), lambda row: row.changed_at, sort="changed_at")
    yield Column("added", gettext_lazy("Added"), lambda row: row.created_at, sort="id", is_shown=False)


def _dressed(record: Record) -> Record:
    catalog().dress([record])
    return record


# The stage


def _stage_input(record: Record, kind: RecordType) -> Markup:
    stages = [(str(stage.pk), _stage_name(stage, kind)) for stage in catalog().stages_of_type(kind)]
    return macro("crm/inputs.html", "choice")("stage", _("Stage"), stages, str(record.stage_id))


def _stage_name(stage: Stage, kind: RecordType) -> str:
    is_one_of_many = len(catalog().pipelines_of(kind)) > 1
    return f"{stage.pipeline}: {stage}" if is_one_of_many else str(stage)


def _chosen_stage(given: QueryDict) -> Stage:
    stage = catalog().stages.get(number_of(given, "stage") or 0)
    if stage is None:
        raise ValidationError(_("Choose a stage."))
    return stage


def _write_stage(record: Record, given: QueryDict, by: User) -> None:
    _move(record, _chosen_stage(given), by=by)


def _move(record: Record, stage: Stage, *, by: User) -> None:
    try:
        move_record(record, stage, by=by)
    except Demanded as demanded:
        names = ", ".join(str(INPUTS[name].label) for name in demanded.fields if name in INPUTS)
        said = _("“%(stage)s” asks for this first: %(names)s. Open it to fill that in.")
        raise ValidationError(said % {"stage": stage, "names": names}) from None


# With many at once


def _bulk(user: User, kind: RecordType) -> Iterable[Bulk[Record]]:
    if reaches_into(user, Operation.CHANGE, kind):
        fields = fields_for(user, kind.pk)
        if fields.changes("responsible"):
            yield _hand_over(user)
        if kind.has_stages and fields.changes("stage"):
            yield _to_stage(kind)
        if fields.changes("observers"):
            yield _observe(user)
    if reaches_into(user, Operation.DELETE, kind):
        yield Bulk(
            key="delete",
            label=gettext_lazy("To the trash"),
            icon="trash",
            act=lambda record, *, by: delete_records([record], by=by),
            done=lambda n: ngettext("%(num)s is in the trash.", "%(num)s are in the trash.", n) % {"num": n},
            state=lambda record: record.deleted_at is not None,
            restore=lambda record, was, *, by: bring_back_records([record], by=by),
            gone=Record.objects.all(),
            hold=lambda record, act: _held_anywhere(record),
            hold_again=lambda record, was: _held_anywhere(record),
        )


@dataclass(frozen=True)
class _HandOver:
    person: User

    def __call__(self, record: Record, /, *, by: User) -> object:
        return change_record(record, {"responsible": self.person}, by=by)


def _hold(record: Record, act: Act[Record]) -> Record:
    """People first: whom it goes to, and whose it is."""
    return _held(record, people=[act.person.pk] if isinstance(act, _HandOver) else [])


def _hold_again(record: Record, was: object) -> Record:
    return _held(record)


def _held(record: Record, people: Iterable[int] = ()) -> Record:
    try:
        return locked_record(record, by=None, people=people)
    except Record.DoesNotExist:
        raise ValidationError(_("It is in the trash by now.")) from None


def _held_anywhere(record: Record) -> Record:
    """Also in the trash."""
    return locked_records([record])[record.pk]


def _hand_over(user: User) -> Bulk[Record]:
    def bind(given: QueryDict) -> Act[Record]:
        return _HandOver(INPUTS["responsible"].read(given, user)["responsible"])

    return Bulk(
        key="responsible",
        label=gettext_lazy("Hand over"),
        icon="user-share",
        act=lambda record, *, by: None,
        form=lambda: _person_pick("responsible", is_single=True),
        bind=bind,
        done=lambda n: ngettext("%(num)s is handed over.", "%(num)s are handed over.", n) % {"num": n},
        state=lambda record: record.responsible_id,
        restore=lambda record, was, *, by: change_record(
            record, {"responsible": User.objects.get(pk=was)}, by=by
        ),
        gone=Record.objects.all(),
        hold=_hold,
        hold_again=lambda record, was: _held(record, people=[was]),
    )


def _to_stage(kind: RecordType) -> Bulk[Record]:
    def bind(given: QueryDict) -> Any:
        stage = _chosen_stage(given)
        return lambda record, *, by: _move(record, stage, by=by)

    def form() -> Markup:
        stages = [(str(one.pk), _stage_name(one, kind)) for one in catalog().stages_of_type(kind)]
        return macro("crm/inputs.html", "choice")("stage", _("Stage"), stages, "")

    return Bulk(
        key="stage",
        label=gettext_lazy("Move to a stage"),
        icon="arrow-right",
        act=lambda record, *, by: None,
        form=form,
        bind=bind,
        done=lambda n: ngettext("%(num)s is moved.", "%(num)s are moved.", n) % {"num": n},
        state=lambda record: record.stage_id,
        restore=lambda record, was, *, by: move_record(record, catalog().stages[was], by=by),
        gone=Record.objects.all(),
        hold=_hold,
        hold_again=_hold_again,
    )


def _observe(user: User) -> Bulk[Record]:
    def bind(given: QueryDict) -> Any:
        people = INPUTS["observers"].read(given, user)["observers"]
        if not people:
            raise ValidationError(_("Choose who is to observe them."))

        def act(record: Record, *, by: User) -> None:
            there = [one.user for one in record.observers.select_related("user")]
            change_record(record, {"observers": [*there, *people]}, by=by)

        return act

    return Bulk(
        key="observers",
        label=gettext_lazy("Add observers"),
        icon="eye",
        act=lambda record, *, by: None,
        form=lambda: _person_pick("observers", is_single=False),
        bind=bind,
        done=lambda n: ngettext("%(num)s is observed.", "%(num)s are observed.", n) % {"num": n},
        state=lambda record: sorted(record.observers.values_list("user_id", flat=True)),
        restore=lambda record, was, *, by: change_record(
            record, {"observers": list(User.objects.filter(pk__in=was))}, by=by
        ),
        hold=_hold,
        hold_again=_hold_again,
    )


def _person_pick(name: str, *, is_single: bool) -> Markup:
    label = INPUTS[name].label
    return macro("crm/inputs.html", "pick")(name, label, "org.person", "U", {}, is_single)


# What was deleted


_ERASE = Bulk[Record](
    key="erase",
    label=gettext_lazy("Erase for good"),
    icon="trash",
    act=lambda record, *, by: erase_record(record, by=by),
    done=lambda n: ngettext("%(num)s is erased.", "%(num)s are erased.", n) % {"num": n},
    question=gettext_lazy(
        "They go with their numbers, activities, comments and files, and nobody brings them back."
    ),
)


def trash_list(user: User, kind: RecordType) -> List[Record]:
    """Of this type what the person may delete, and so bring back; what became a part of another record is
    taken back there."""
    gone = Record.objects.permitted(user, Operation.DELETE).of_type(kind.pk)
    rows = gone.filter(deleted_at__isnull=False, merged_into=None)
    return List(
        key=f"crm.{kind.slug}.trash",
        title=_("Trash: %(type)s") % {"type": kind.label},
        rows=rows.select_related("responsible", "deleted_by"),
        columns=(
            Column("title", gettext_lazy("Title"), lambda row: row.title, sort="title"),
            Column("responsible", gettext_lazy("Responsible"), lambda row: row.responsible.face),
            Column(
                "deleted",
                gettext_lazy("Deleted"),
                lambda row: row.deleted_at,
                sort=Sort(("deleted_at",)),
            ),
            Column(
                "by",
                gettext_lazy("Deleted by"),
                lambda row: row.deleted_by.face if row.deleted_by else "",
            ),
        ),
        bulk=(
            Bulk(
                key="back",
                label=gettext_lazy("Bring back"),
                icon="arrow-back-up",
                act=lambda record, *, by: bring_back_records([record], by=by),
                done=lambda n: ngettext("%(num)s is back.", "%(num)s are back.", n) % {"num": n},
            ),
            *([_ERASE] if can_administer(user) else ()),
        ),
        order="-deleted",
        href=None,
        can_export=False,
        empty=Empty(_("The trash is empty"), _("What you delete waits here until somebody brings it back.")),
    )
