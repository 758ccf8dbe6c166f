"""The CRM out of an archive."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.dictionaries import add_ranked
from box.apps.crm.actions.lines import MOST_LINES, LineDraft, set_lines
from box.apps.crm.actions.records import MOST_OBSERVERS, NewRecord, add_record
from box.apps.crm.actions.setup import add_pipeline, add_stage
from box.apps.crm.actions.stages import change_stage
from box.apps.crm.contact_points import Reach, cleaned
from box.apps.crm.models import Activity, Currency, Pipeline, Record, RecordType, Source, Stage
from box.core.registry.company import PHONE_REGION
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.registry.origin import importing
from box.transfer.archive import records
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork, everybody
from box.transfer.archive.stages.own_fields import files_of_values, own_values
from box.transfer.ledger import Extra, digest_of
from box.transfer.stages.base import line, part_of

TYPES = ("company", "contact", "lead", "deal")
LONGEST_TEXT = 20_000


class Pipelines(ArchiveStage[records.Pipeline]):
    """The first one of a type is the box's own first one; a stage is known by its code, else by being the one
    that wins, else it is added."""

    key = "pipelines"
    label = gettext_lazy("Pipelines and stages")
    kind = "pipeline"

    @override
    def bring(self, work: ArchiveWork, record: records.Pipeline, extra: Extra) -> int:
        of = RecordType.objects.filter(slug=record.type).first()
        if of is None:
            raise ValidationError(_("There is no kind of records “%(type)s” here.") % {"type": record.type})
        pipeline: Pipeline | None = of.pipelines.standing().in_order().first() if not record.name else None
        is_new = pipeline is None
        if pipeline is None:
            pipeline = add_pipeline(of, line(record.name, 100) or str(of), by=work.by)
        standing = list(pipeline.stages.standing().in_order())
        by_code = {one.code: one for one in standing}
        won = next((one for one in standing if one.kind == Stage.Kind.WON), None)
        for told in record.stages:
            stage = by_code.pop(told.code, None) or (won if told.kind == "won" else None)
            name = line(told.name, 100) or told.code[:100]
            if stage is None:
                stage = add_stage(pipeline, name, kind=told.kind, color=told.color, by=work.by)
            elif (str(stage), stage.color) != (name, told.color):
                change_stage(stage, name, told.color, by=work.by)
            work.took("stage", told.id, stage.pk, is_new=False)
        self.took(work, record, pipeline.pk, is_new=is_new)
        return pipeline.pk


class Clients(ArchiveStage[records.Client]):
    """Companies, contacts, leads and deals; each is known under its own kind, as those of the cloud are."""

    key = "clients"
    label = gettext_lazy("Clients and deals")
    kind = "client"
    needs = ("people", "pipelines", "fields")

    @override
    def files_in(self, record: records.Client) -> list[tuple[str, str, records.Blob]]:
        return files_of_values(record.own)

    @override
    def bring(self, work: ArchiveWork, record: records.Client, extra: Extra) -> int:
        theirs = str(record.id)
        company = self._one(work, "company", record.company)
        contact = self._one(work, "contact", record.contact)
        contacts = [one for pk in record.contacts if (one := self._one(work, "contact", pk)) is not None]
        is_long = record.type in ("lead", "deal")
        new = NewRecord(
            type=RecordType.objects.get(slug=record.type),
            responsible=work.author(self.kind, theirs, record.responsible),
            stage=self._stage(work, record),
            title=line(record.title, 255) or _("No. %(id)s") % {"id": theirs},
            first_name=line(record.first_name, 100),
            patronymic=line(record.patronymic, 100),
            last_name=line(record.last_name, 100),
            position=line(record.position, 150),
            born_on=record.born_on,
            tax_number=line(record.tax_number, 30),
            address=line(record.address, 400),
            comment=record.comment[:LONGEST_TEXT],
            amount=Decimal(record.amount) if is_long else Decimal(0),
            currency=self._currency(work, record) if is_long else "",
            begins_on=record.begins_on,
            expected_on=record.expected_on,
            source=self._source(work, record.source),
            source_note=line(record.source_note, 400),
            company=company,
            contact=contact,
            contacts=contacts,
            observers=work.active(record.observers)[:MOST_OBSERVERS],
            reached_by=self._points(work, record),
            **_external(record.external),
        )
        made = add_record(new, by=work.author(self.kind, theirs, record.created_by or record.responsible))
        digest = digest_of({"id": record.id, "record": record})
        work.took(record.type, theirs, made.pk, digest=digest)
        work.took(self.kind, theirs, made.pk, digest=digest, is_new=False)
        if record.lines:
            with part_of(work, self.kind, theirs):
                drafts = [_line(one) for one in record.lines[:MOST_LINES]]
                set_lines(made, drafts, follows=not record.has_own_amount, by=made.responsible)
        if record.own:
            self._fill_own(work, record, extra, made)
        return made.pk

    def _fill_own(self, work: ArchiveWork, record: records.Client, extra: Extra, made: Record) -> None:
        files = work.files_of(self.kind, str(record.id), extra, by=made.responsible)
        values = own_values(work, self.kind, f"crm.{record.type}", record, files)
        if values:
            with part_of(work, self.kind, record.id):
                set_values(made, values, by=made.responsible)

    def _one(self, work: ArchiveWork, kind: str, theirs: int | None) -> Record | None:
        return Record.objects.there().filter(pk=work.ours(kind, theirs or 0)).first()

    def _stage(self, work: ArchiveWork, record: records.Client) -> Stage | None:
        """None: into the first one, or a type without stages."""
        found = (
            Stage.objects.select_related("pipeline").filter(pk=work.ours("stage", record.stage or 0)).first()
        )
        return found if found is not None and found.pipeline.type.slug == record.type else None

    def _currency(self, work: ArchiveWork, record: records.Client) -> str:
        code = record.currency.upper()
        if code and not Currency.objects.filter(code=code).exists():
            said = _("There is no currency %(code)s here: the amount stands in the company's own.")
            work.remark(self.kind, record.id, said % {"code": code})
            return ""
        return code

    def _source(self, work: ArchiveWork, name: str) -> Source | None:
        name = line(name, 100)
        if not name:
            return None
        known: dict[str, Source] = work.kept.setdefault("sources", {})
        if name not in known:
            found = next((one for one in Source.objects.filter(retired_at=None) if str(one) == name), None)
            known[name] = found or Source.objects.get(pk=add_ranked(Source, name, by=work.by).pk)
        return known[name]

    def _points(self, work: ArchiveWork, record: records.Client) -> list[Reach]:
        found: dict[tuple[str, str], Reach] = {}
        for one in record.reached_by:
            reach = Reach(one.kind, line(one.value, 254), one.use)
            with part_of(work, self.kind, record.id):
                point = cleaned(reach, region=PHONE_REGION.value)
                found.setdefault((point.kind, point.normal), reach)
        return list(found.values())


def _external(told: records.External | None) -> dict[str, Any]:
    if told is None:
        return {}
    return {
        "external_id": line(told.code, LONGEST_EXTERNAL_ID),
        "external_source": line(told.source, LONGEST_EXTERNAL_ID),
        "external_version": line(told.version, LONGEST_EXTERNAL_ID),
    }


def _line(told: records.LineItem) -> LineDraft:
    return LineDraft(
        name=line(told.name, 255),
        price=Decimal(told.price),
        quantity=Decimal(told.quantity),
        unit=line(told.unit, 20),
        discount_percent=Decimal(told.discount_percent),
        vat_percent=Decimal(told.vat_percent) if told.vat_percent is not None else None,
        is_vat_included=told.is_vat_included,
    )


class Activities(ArchiveStage[records.Activity]):
    key = "activities"
    label = gettext_lazy("Activities of the CRM")
    kind = "activity"
    needs = ("clients",)

    @override
    def bring(self, work: ArchiveWork, record: records.Activity, extra: Extra) -> int:
        ours = work.all_ours("client", record.clients)
        known = Record.objects.there().in_bulk(ours.values())
        bound = [known[ours[str(pk)]] for pk in record.clients if ours.get(str(pk)) in known]
        if not bound:
            raise ValidationError(_("What it is about has not come."), code="missing")
        if record.kind not in Activity.Kind.values:
            raise ValidationError(_("“%(kind)s” is no kind of activity.") % {"kind": record.kind[:40]})
        new = NewActivity(
            kind=record.kind,
            subject=line(record.subject, 255) or _("(without a subject)"),
            responsible=work.author(self.kind, str(record.id), record.responsible),
            direction=record.direction,
            number=line(record.number, 50),
            text=record.text[:LONGEST_TEXT],
            at=record.at,
            seconds=record.seconds,
            deadline=record.deadline,
            **_external(record.external),
        )
        activity = add_activity(new, bound, by=work.person(record.created_by or record.responsible))
        if record.done_at and record.deadline:
            done_by: Any = next(
                iter(everybody(work, [record.done_by] if record.done_by else [])), new.responsible
            )
            with importing(at=record.done_at):
                complete_activity(activity, result=record.result[:LONGEST_TEXT], by=done_by)
        self.took(work, record, activity.pk)
        return activity.pk
