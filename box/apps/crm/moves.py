"""Into another stage, from wherever one looks at a record: what the stage asks for is asked in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from django.core.exceptions import ValidationError
from django.db import transaction
from markupsafe import Markup

from box.apps.crm.actions.records import Demanded, change_record, move_record
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach
from box.apps.crm.field_rights import fields_for
from box.apps.crm.inputs import INPUTS, UI, read_all
from box.apps.crm.models import Stage
from box.core.lists.presenters import macro

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.apps.crm.field_rights import RecordFields
    from box.apps.crm.models import Record
    from box.core.accounts.models import User


REASON = "loss_reason"


class Asked(Exception):
    """The stage asks for something first: `form` is what to show."""

    def __init__(self, form: Markup) -> None:
        super().__init__()
        self.form = form


def move_asking(
    record: Record,
    stage: Stage,
    given: QueryDict,
    *,
    after: Record | None = None,
    before: Record | None = None,
    by: User,
) -> Record:
    """Moves it, with what was answered in `given`. Raises Asked, ValidationError and PermissionDenied."""
    possible = _asked_by(record, stage, fields_for(by, record.type_id))
    answered = [name for name in given.getlist("asked") if name in possible]
    try:
        with transaction.atomic():
            if answered:
                change_record(record, _with_points(record, read_all(given, answered, by)), by=by)
            elif REASON in possible:
                # Why something is lost is asked wherever a company has reasons, demanded or not.
                _ask(record, stage, possible, by)
            return move_record(record, stage, after=after, before=before, by=by)
    except Demanded as demanded:
        names = [*demanded.fields, *(one for one in answered if one not in demanded.fields)]
        _ask(record, stage, names, by, error_of(demanded) if answered else {})
    except ValidationError as error:
        if not answered:
            raise
        _ask(record, stage, answered, by, error_of(error))
    raise AssertionError("Either it was moved, or asked for.")


def _ask(
    record: Record,
    stage: Stage,
    names: Sequence[str],
    by: User,
    problems: Mapping[str, Sequence[str]] | None = None,
) -> NoReturn:
    wrong = problems or {}
    fields = [(INPUTS[name], INPUTS[name].html(record, by), wrong.get(name, ())) for name in names]
    others = [text for name, texts in wrong.items() if name not in names for text in texts]
    raise Asked(macro(UI, "asked")(fields, str(stage), " ".join(others)))


def error_of(error: ValidationError) -> dict[str, list[str]]:
    """What is wrong, by field; what is wrong with none of them under an empty name."""
    return error.message_dict if hasattr(error, "error_dict") else {"": error.messages}


def _asked_by(record: Record, stage: Stage, fields: RecordFields) -> list[str]:
    if record.stage_id == stage.pk:
        return []
    wanted = [name for name in stage.demands if name in INPUTS]
    has_reasons = catalog().standing_loss_reasons and fields.changes(REASON)
    if stage.kind == Stage.Kind.LOST and has_reasons and REASON not in wanted:
        wanted.append(REASON)
    return wanted


def _with_points(record: Record, changes: dict[str, object]) -> dict[str, object]:
    """A number that was asked for comes to those that there are; one that was not given changes nothing."""
    given = changes.pop("reached_by", None)
    if not given:
        return changes
    there = [Reach(point.kind, point.value, point.use) for point in record.contact_points.in_order()]
    return {**changes, "reached_by": [*there, *given]}  # type: ignore[misc]
