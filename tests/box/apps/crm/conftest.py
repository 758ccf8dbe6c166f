"""A CRM with somebody's leads and deals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from box.apps.crm.models import Record, RecordType, Stage, WebForm
    from box.apps.crm.permissions import Level
    from box.core.access.models import Role
    from box.core.accounts.models import User


def type_of(slug: str) -> RecordType:
    from box.apps.crm.models import RecordType

    return RecordType.objects.get(slug=slug)


def stage_of(slug: str, code: str) -> Stage:
    """Of the type's first pipeline."""
    from box.apps.crm.models import Stage

    stages = Stage.objects.select_related("pipeline").filter(pipeline__type__slug=slug, code=code)
    return stages.order_by("pipeline__rank")[0]


def added(slug: str, responsible: User, title: str = "", **fields: Any) -> Record:
    """By the portal itself, whatever the responsible person's role allows."""
    from box.apps.crm.actions.records import NewRecord, add_record

    new = NewRecord(type=type_of(slug), responsible=responsible, title=title or f"A {slug}", **fields)
    return add_record(new, by=None)


def web_form(by: User, receivers: list[User], **more: Any) -> WebForm:
    """It asks for a name, a telephone, an e-mail, a question and a choice."""
    from box.apps.crm.actions.web_forms import FormDraft, save_form
    from box.lib.questions import Question

    questions = [
        Question("q1", "name", "First name"),
        Question("q2", "phone", "Telephone"),
        Question("q3", "email", "E-mail"),
        Question("q4", "text", "Your question", is_required=True),
        Question("q5", "choice", "Which chair", choices=("oak", "ash")),
    ]
    usual: dict[str, Any] = {
        "name": "Callback", "type": type_of("lead"), "heading": "Write to us", "button": "Send",
        "thanks": "Thank you!", "language": "en", "questions": questions, "receivers": receivers,
    }  # fmt: skip
    return save_form(None, FormDraft(**{**usual, **more}), by=by)


def allow(role: Role, scope: str, level: Level, *operations: str) -> None:
    from box.apps.crm.actions.setup import set_permission
    from box.apps.crm.permissions import Operation

    for operation in operations or tuple(Operation):
        set_permission(role, scope, Operation(operation), level, by=None)


@pytest.fixture
def deal(anna: User) -> Record:
    return added("deal", anna, "Chairs for Rose")


@pytest.fixture
def lead(anna: User) -> Record:
    return added("lead", anna, "Rose wants chairs")
