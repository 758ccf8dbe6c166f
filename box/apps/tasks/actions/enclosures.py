"""Files and own fields that a template keeps, and that tasks take over from it.

A file is part of one thing: whoever takes it over gets a copy with the same bytes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.tasks.actions.tasks import MOST_FILES, TaskDraft
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import Task, TaskFile, Template, TemplateFile, values_key
from box.core.fields.models import Field
from box.core.fields.values import forget_values, share_parts, values_of, write_values
from box.core.files import actions as files

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.fields.values import Values


def file_ids_of(source: Task | Template) -> list[int]:
    """In their order."""
    if isinstance(source, Template):
        links = TemplateFile.objects.filter(template=source).order_by("position", "id")
        return list(links.values_list("file", flat=True))
    of_task = TaskFile.objects.filter(task=source).order_by("position", "id")
    return list(of_task.values_list("file", flat=True))


def fields_of(source: Task | Template) -> Values:
    return values_of(TASK_FIELDS, values_key(source.pk) if isinstance(source, Template) else source.pk)


def with_copies(draft: TaskDraft, source: Task | Template, *, by: User) -> TaskDraft:
    """The draft with copies in place of what are files of the source, which `by` sees. Within the transaction
    that makes something of the draft."""
    theirs = {*file_ids_of(source), *_files_in(fields_of(source))}
    copies = files.copy_files(theirs & {*draft.file_ids, *_files_in(draft.fields)}, by=by)
    fields = {
        field: tuple(copies.get(one, one) for one in several) if field.kind == Field.Kind.FILE else several
        for field, several in draft.fields.items()
    }
    return replace(draft, file_ids=tuple(copies.get(pk, pk) for pk in draft.file_ids), fields=fields)


def _files_in(values: Values) -> set[int]:
    return {pk for field, several in values.items() if field.kind == Field.Kind.FILE for pk in several}


def write_enclosures(template: Template, draft: TaskDraft, *, by: User) -> None:
    """Within a transaction that holds the template, once its audience is written: these files and no others,
    and these values. What is new among the files are uploads of `by`."""
    wanted = list(dict.fromkeys(draft.file_ids))
    if len(wanted) > MOST_FILES:
        raise ValidationError(_("Too many files: %(most)s at most.") % {"most": MOST_FILES}, code="files")
    had = file_ids_of(template)
    TemplateFile.objects.filter(template=template).delete()
    files.delete_files(set(had) - set(wanted))
    files.attach([pk for pk in wanted if pk not in had], audience=template.audience, by=by)
    TemplateFile.objects.bulk_create(
        TemplateFile(template=template, file_id=pk, position=position) for position, pk in enumerate(wanted)
    )
    write_values(TASK_FIELDS, values_key(template.pk), draft.fields, by=by, audience=template.audience)
    share_enclosures(template)


def share_enclosures(template: Template) -> None:
    """Whoever sees the template now sees its files."""
    files.change_audience(file_ids_of(template), audience=template.audience)
    share_parts(TASK_FIELDS, [values_key(template.pk)], audience=template.audience)


def drop_enclosures(template: Template) -> None:
    """Before the template goes."""
    held = file_ids_of(template)
    TemplateFile.objects.filter(template=template).delete()
    files.delete_files(held)
    forget_values(TASK_FIELDS, [values_key(template.pk)])
