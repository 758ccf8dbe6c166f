"""Fields that the company has added to tasks and clients, out of an archive, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.fields.actions import FieldDraft, add_field, restore_field
from box.core.fields.kinds import read_each
from box.core.fields.models import Field
from box.core.fields.sets import field_sets
from box.transfer.archive import records
from box.transfer.archive.export.own_fields import SET_KEYS
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork
from box.transfer.stages.base import line, part_of
from box.transfer.stages.own_fields import FIELD, LONGEST_NAME, free_name

if TYPE_CHECKING:
    from box.core.fields.values import Values
    from box.core.files.models import File
    from box.transfer.archive.records import Blob
    from box.transfer.ledger import Extra


class OwnFields(ArchiveStage[records.OwnField]):
    """One of the same name for programs and of the same kind is that one."""

    key = "fields"
    label = gettext_lazy("Own fields")
    kind = FIELD

    @override
    def bring(self, work: ArchiveWork, record: records.OwnField, extra: Extra) -> int:
        if record.set not in SET_KEYS or record.kind not in Field.Kind.values:
            raise ValidationError(_("Fields of this kind are not known here."), code="missing")
        of, code = field_sets[record.set], line(record.code, 50).upper()
        there = Field.objects.of(of.key).filter(code=code).first()
        is_same = there is not None and (there.kind, there.is_several) == (record.kind, record.is_several)
        if there is not None and is_same:
            field = there
            restore_field(field, by=work.by)
        else:
            draft = FieldDraft(
                name=free_name(of.key, line(record.name, LONGEST_NAME) or code, code),
                kind=record.kind,
                code="" if there is not None else code,
                help=line(record.help, 200),
                choices=tuple(line(one, 100) for one in record.choices),
                is_several=record.is_several,
                is_required=record.is_required,
                currency=record.currency,
                target=record.target,
            )
            field = add_field(of, draft, by=work.by)
        self.took(work, record, field.pk, is_new=not is_same)
        work.took("field-code", f"{record.set}:{code}"[:100], field.pk, is_new=False)
        return field.pk


def files_of_values(own: Iterable[records.OwnValue]) -> list[tuple[str, str, Blob]]:
    """Which bytes stand in them: see `ArchiveWork.fetch`."""
    return [(str(one.id), one.name, one) for value in own for one in value.files]


def own_values(
    work: ArchiveWork,
    kind: str,
    set_key: str,
    record: records.Task | records.Client,
    files: Mapping[str, File],
) -> Values:
    """As they are here; what cannot be there is said, and the others come."""
    told = {one.field.upper(): one for one in record.own}
    if not told:
        return {}
    ours = work.all_ours("field-code", [f"{set_key}:{code}"[:100] for code in told])
    known = Field.objects.filter(pk__in=ours.values()).prefetch_related("choices").in_bulk()
    found: Values = {}
    for code, value in told.items():
        field = known.get(ours.get(f"{set_key}:{code}"[:100], 0))
        if field is None:
            work.remark(kind, record.id, _("The field %(name)s has not come.") % {"name": code[:60]})
            continue
        with part_of(work, kind, record.id):
            found[field] = _values(work, field, value, files)
    return found


def _values(
    work: ArchiveWork, field: Field, told: records.OwnValue, files: Mapping[str, File]
) -> tuple[Any, ...]:
    match field.kind:
        case Field.Kind.FILE:
            return tuple(files[str(one.id)].pk for one in told.files if str(one.id) in files)
        case Field.Kind.PERSON:
            return _come(work, "person", told.people)
        case Field.Kind.DEPARTMENT:
            return _come(work, "department", told.departments)
        case Field.Kind.REFERENCE:
            found = _come(work, "client", told.clients)
            if len(found) < len(told.clients):
                said = _("%(field)s: what it points at has not come.")
                raise ValidationError(said % {"field": field.name}, code="missing")
            return found
    return read_each(field, told.texts)


def _come(work: ArchiveWork, kind: str, theirs: Iterable[int]) -> tuple[int, ...]:
    wanted = [str(one) for one in theirs]
    ours = work.all_ours(kind, wanted)
    return tuple(ours[one] for one in wanted if one in ours)
