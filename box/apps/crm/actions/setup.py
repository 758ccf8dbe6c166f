"""Types, pipelines, stages and permissions: what an administrator sets up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from box.apps.crm.actions.audiences import renew_audiences_in
from box.apps.crm.actions.checks import check_fields, id_of
from box.apps.crm.events import DictionaryChanged, PermissionChanged, PipelineChanged
from box.apps.crm.models import Permission, Pipeline, RecordType, Stage
from box.apps.crm.permissions import Level, Operation, current
from box.core.events.outbox import emit
from box.core.registry.settings import raise_version
from box.lib.ranks import between, spread

if TYPE_CHECKING:
    from box.core.access.models import Role
    from box.core.accounts.models import User

MOST_TYPES = 50
MOST_PIPELINES = 50
MOST_STAGES = 50

FIRST_STAGES: Sequence[tuple[str, str, str]] = (
    ("NEW", Stage.Kind.OPEN, "#4299e1"),
    ("PREPARATION", Stage.Kind.OPEN, "#17a2b8"),
    ("EXECUTING", Stage.Kind.OPEN, "#f59f00"),
    ("WON", Stage.Kind.WON, "#2fb344"),
    ("LOSE", Stage.Kind.LOST, "#d63939"),
)
"""Code, what it means, colour: with these a pipeline begins that somebody adds."""


@transaction.atomic
def add_type(
    name: str, plural: str, *, has_stages: bool, has_client: bool, has_amount: bool, by: User | None
) -> RecordType:
    """A company's own entity. Raises ValidationError."""
    name, plural = name.strip(), plural.strip()
    if not name or not plural:
        raise ValidationError(_("Give the names of one and of many."), code="name")
    if RecordType.objects.filter(retired_at=None).count() >= MOST_TYPES:
        raise ValidationError(_("There are at most %(most)s entities.") % {"most": MOST_TYPES}, code="most")
    made = RecordType(
        slug="new",
        name=name,
        plural=plural,
        has_stages=has_stages,
        has_client=has_client,
        has_amount=has_amount,
        order=100,
    )
    check_fields(made, ["name", "plural"])
    made.save()
    made.slug = f"{slugify(plural)[:30] or 'own'}-{made.pk}"
    made.save(update_fields=["slug"])
    if has_stages:
        add_pipeline(made, "", by=by)
    raise_version()
    emit(DictionaryChanged(dictionary="type", change="added", name=made.plural, by_id=id_of(by)))
    return made


@transaction.atomic
def change_type(kind: RecordType, name: str, plural: str, *, by: User | None) -> None:
    """Calls a company's own entity otherwise. Raises ValidationError."""
    _check_own(kind)
    kind.name, kind.plural = " ".join(name.split()), " ".join(plural.split())
    if not kind.name or not kind.plural:
        raise ValidationError(_("Give the names of one and of many."), code="name")
    check_fields(kind, ["name", "plural"])
    kind.save(update_fields=["name", "plural"])
    raise_version()
    emit(DictionaryChanged(dictionary="type", change="changed", name=kind.plural, by_id=id_of(by)))


@transaction.atomic
def retire_type(kind: RecordType, is_retired: bool, *, by: User | None) -> None:
    """Its tab goes, with all that is in it, or comes back."""
    _check_own(kind)
    at = timezone.now() if is_retired else None
    if RecordType.objects.filter(pk=kind.pk, retired_at__isnull=is_retired).update(retired_at=at):
        raise_version()
        change = "retired" if is_retired else "restored"
        emit(DictionaryChanged(dictionary="type", change=change, name=kind.plural, by_id=id_of(by)))


def _check_own(kind: RecordType) -> None:
    if kind.is_built_in:
        raise ValidationError(_("%(type)s belong to the CRM.") % {"type": kind.label}, code="built-in")


@transaction.atomic
def add_pipeline(of: RecordType, name: str, *, by: User | None) -> Pipeline:
    """With the stages that a pipeline begins with; every type's first one has no name of its own."""
    standing = of.pipelines.standing().in_order()
    if not of.has_stages:
        raise ValidationError(_("%(type)s have no stages.") % {"type": of.label}, code="type")
    if standing.count() >= MOST_PIPELINES:
        raise ValidationError(
            _("There are at most %(most)s pipelines.") % {"most": MOST_PIPELINES}, code="most"
        )
    name = name.strip()
    if not name and standing.exists():
        raise ValidationError({"name": _("Give the pipeline a name.")})
    last = standing.values_list("rank", flat=True).last()
    made = Pipeline(type=of, name=name, rank=between(last, None))
    check_fields(made, ["name"])
    made.save()
    ranks = spread(len(FIRST_STAGES))
    Stage.objects.bulk_create(
        Stage(pipeline=made, code=code, kind=kind, color=color, rank=rank)
        for (code, kind, color), rank in zip(FIRST_STAGES, ranks, strict=True)
    )
    raise_version()
    emit(PipelineChanged(pipeline_id=made.pk, by_id=id_of(by)))
    return made


@transaction.atomic
def add_stage(
    pipeline: Pipeline,
    name: str,
    *,
    kind: str = Stage.Kind.OPEN,
    color: str = "",
    code: str = "",
    by: User | None,
) -> Stage:
    """Behind the others of its kind. `code` is what programs call it by; without one it gets one."""
    held = Pipeline.objects.select_for_update().get(pk=pipeline.pk)
    standing = held.stages.standing()
    if standing.count() >= MOST_STAGES:
        raise ValidationError(_("There are at most %(most)s stages.") % {"most": MOST_STAGES}, code="most")
    if kind == Stage.Kind.WON and standing.filter(kind=kind).exists():
        raise ValidationError({"kind": _("A pipeline is won in one stage.")})
    last = standing.filter(kind=kind).order_by("rank").values_list("rank", flat=True).last()
    if code and held.stages.filter(code=code).exists():
        said = _("There is or was a stage of the code %(code)s: choose another.")
        raise ValidationError({"code": said % {"code": code}})
    made = Stage(pipeline=held, code=code or "new", name=name.strip(), kind=kind, rank=between(last, None))
    if color:
        made.color = color
    if not made.name:
        raise ValidationError({"name": _("Give the stage a name.")})
    check_fields(made, ["name", "kind", "color"])
    made.save()
    if not code:
        made.code = f"UC_{made.pk}"
        made.save(update_fields=["code"])
    raise_version()
    emit(PipelineChanged(pipeline_id=held.pk, by_id=id_of(by)))
    return made


@transaction.atomic
def set_own_permissions(stage: Stage, has_own: bool, *, by: User | None) -> None:
    """Whether permissions are given for this stage apart from its pipeline's: what is in it changes scope."""
    held = Stage.objects.select_for_update().get(pk=stage.pk)
    if held.has_own_permissions == has_own:
        return
    held.has_own_permissions = has_own
    held.save(update_fields=["has_own_permissions"])
    if not has_own:
        Permission.objects.filter(scope=f"s{held.pk}").delete()
    raise_version()
    renew_audiences_in(held)
    emit(PipelineChanged(pipeline_id=held.pipeline_id, by_id=id_of(by)))


@transaction.atomic
def set_permission(
    role: Role, scope: str, operation: Operation, level: Level | None, *, by: User | None
) -> None:
    """How far a role reaches in a scope; None: as far as in the wider scope. Raises ValidationError."""
    if role.key == role.Key.ADMINISTRATORS:
        raise ValidationError(_("Administrators may do everything."), code="built-in")
    if scope not in _all_scopes():
        raise ValidationError(_("There is nothing of that kind here: reload the page."), code="scope")
    if level is None:
        Permission.objects.filter(role=role, scope=scope, operation=operation.value).delete()
    else:
        Permission.objects.update_or_create(
            role=role, scope=scope, operation=operation.value, defaults={"level": level.value}
        )
    raise_version()
    emit(
        PermissionChanged(
            role_id=role.pk, role=str(role), scope=scope, operation=operation.value,
            level="" if level is None else level.name.lower(), by_id=id_of(by),
        )
    )  # fmt: skip


def _all_scopes() -> set[str]:
    types = {f"t{pk}" for pk in RecordType.objects.values_list("pk", flat=True)}
    return types | set(current().scopes)
