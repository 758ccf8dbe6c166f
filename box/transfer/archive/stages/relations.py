"""What belongs together, out of an archive: when all of it is here."""

from __future__ import annotations

from typing import override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.models import KIND as EVENT
from box.apps.crm.models.types import ANY_RECORD
from box.apps.feed.models import KIND as POST
from box.apps.tasks.models import KIND as TASK
from box.core.discussion.models import Comment
from box.core.registry.capabilities import Ref
from box.core.relations.actions import relate
from box.core.relations.belongings import PERSON_KIND
from box.core.relations.relatable import relatables
from box.transfer.archive import records
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork
from box.transfer.archive.stages.crm import TYPES
from box.transfer.ledger import Extra

_KINDS = {"person": PERSON_KIND, "post": POST, "task": TASK, "client": ANY_RECORD, "event": EVENT}
_COMMENTS = {POST: "feed.comment", TASK: "tasks.comment"}


class Relations(ArchiveStage[records.Relation]):
    key = "relations"
    label = gettext_lazy("What belongs together")
    kind = "relation"
    needs = ("tasks",)

    @override
    def bring(self, work: ArchiveWork, record: records.Relation, extra: Extra) -> int:
        ends = [ref for one in (record.one, record.other) if (ref := self._end(work, one)) is not None]
        # What was left out on purpose is missed by nobody.
        if len(ends) < 2:
            return 0
        ends.sort(key=lambda ref: ref.kind not in relatables)
        if ends[0].kind not in relatables:
            raise ValidationError(_("Neither of the two is a task: nothing is related to them."), code="kind")
        relate(ends[0], [ends[1]], by=work.author(self.kind, str(record.id), record.created_by))
        self.took(work, record, ends[0].id, is_new=False)
        return ends[0].id

    def _end(self, work: ArchiveWork, end: records.End) -> Ref | None:
        names = TYPES if end.kind == "client" else (end.kind,)
        ours = next(filter(None, (work.ours(name, end.id) for name in names)), 0)
        if not ours or end.kind != "comment":
            return Ref(_KINDS[end.kind], ours) if ours else None
        comment = Comment.objects.filter(pk=ours).select_related("thread").first()
        kind = _COMMENTS.get(comment.thread.kind) if comment is not None else None
        return Ref(kind, ours) if kind else None
