"""The CRM: pipelines with their stages, companies, contacts, leads and deals, activities, and what was said.

Source: https://apidocs.bitrix24.com/api-reference/crm/. Records carry our name and number as ORIGINATOR_ID
and ORIGIN_ID: so they are found again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, override

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.models import Pipeline
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.crm import activities, activities_in, clients, pipelines, records_in
from box.transfer.archive.export.feed import comments
from box.transfer.cloud import Command
from box.transfer.models import Identity
from box.transfer.outbound.base import OutboundStage, OutboundWork, There, Write, rows_in, same, stays
from box.transfer.outbound.feed import comments_below
from box.transfer.outbound.own_fields import own_values
from box.transfer.stages.crm import DEAL_TYPE, KINDS, TIMELINE
from box.transfer.stages.statuses import statuses

_SEMANTICS = {"won": "S", "lost": "F", "open": ""}
_FIRST = "0"
STAGE = "stage"
LEADS = "lead"
"""In place of a pipeline's number: leads have one, and no other."""


class Pipelines(OutboundStage[records.Pipeline]):
    """The first one of deals is the portal's first, the leads' is the leads'; others are made, or have the
    same name. Stages too are known by their names, and the portal's own stay beside them."""

    key = "pipelines"
    label = gettext_lazy("Pipelines and stages")
    kind = "pipeline"
    scope = "crm"
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[records.Pipeline]:
        return (one for one in pipelines(scope) if one.type in ("lead", "deal"))

    @override
    def count(self, scope: Scope) -> int:
        return Pipeline.objects.standing().filter(type__slug__in=("lead", "deal")).count()

    @override
    def write(self, work: OutboundWork, record: records.Pipeline) -> Write:
        if record.type == "lead":
            raise stays(_("The portal has one pipeline of leads alone."))
        fields = {"name": record.name, "sort": 500}
        return Write("crm.category.add", {"entityTypeId": DEAL_TYPE, "fields": fields})

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Pipeline]) -> Mapping[int, str]:
        there = rows_in(work.cloud.call("crm.category.list", entityTypeId=DEAL_TYPE), "categories")
        candidates: dict[int, list[str]] = {}
        for one in sought:
            if not one.name:
                candidates[one.id] = [LEADS if one.type == "lead" else _FIRST]
            elif one.type == "deal":
                candidates[one.id] = [str(row["id"]) for row in there if same(row.get("name"), one.name)]
        return work.unclaimed(self.kind, candidates)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.Pipeline]]) -> None:
        known = statuses(work)
        for one in there:
            entity = _entity(one.theirs)
            present = list(known.get(entity, ()))
            made = [
                (one.record.id, Write("crm.status.add", {"fields": fields}))
                for fields in _new_stages(one.record, entity, present)
            ]
            work.write_all(self.kind, made)
        known = statuses(work) if there else {}
        for one in there:
            self._note(work, one.record, _entity(one.theirs), known.get(_entity(one.theirs), ()))

    def _note(
        self, work: OutboundWork, record: records.Pipeline, entity: str, present: Sequence[Mapping[str, Any]]
    ) -> None:
        """Which stage is which: two of ours may be one there."""
        for stage in record.stages:
            code = _code(stage, present)
            if code:
                theirs = f"{entity}:{stage.id}:{code}"
                known = Identity.objects.filter(migration=work.migration, kind=STAGE, ours=stage.id)
                known.exclude(theirs=theirs).delete()
                work.took(STAGE, theirs, stage.id, is_new=False)
            else:
                said = _("Its stage “%(name)s” is not there.") % {"name": stage.name}
                work.remark(self.kind, record.id, said)


def _entity(pipeline: str) -> str:
    """The dictionary in which the stages of a pipeline of the portal are."""
    if pipeline == LEADS:
        return "STATUS"
    return "DEAL_STAGE" if pipeline == _FIRST else f"DEAL_STAGE_{pipeline}"


def _code(stage: records.PipelineStage, present: Sequence[Mapping[str, Any]]) -> str:
    """Of which the portal has one alone, that is meant whatever it is called."""
    meaning = _SEMANTICS[stage.kind]
    alike = [row for row in present if str(row.get("SEMANTICS") or "").strip("P") == meaning]
    named = next((row for row in alike if same(row.get("NAME"), stage.name)), None)
    if named is None and meaning == "S":
        named = next(iter(alike), None)
    return str(named["STATUS_ID"]) if named else ""


def _new_stages(
    record: records.Pipeline, entity: str, present: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Those that lack, open ones before what ends a deal: the portal refuses them behind it."""
    ends = [int(row.get("SORT") or 0) for row in present if row.get("SEMANTICS") == "S"]
    last = max((int(row.get("SORT") or 0) for row in present), default=100)
    lacking = [one for one in record.stages if not _code(one, present)]
    for place, one in enumerate(lacking):
        room = (min(ends) if ends else last + len(lacking) + 1) - len(lacking) + place
        yield {
            "ENTITY_ID": entity, "STATUS_ID": f"K{one.id}", "NAME": one.name, "COLOR": one.color.upper(),
            "SEMANTICS": _SEMANTICS[one.kind],
            "SORT": max(1, room) if one.kind == "open" else last + 10 * (place + 1),
        }  # fmt: skip


def stage_of(work: OutboundWork, ours: int | None) -> tuple[str, str]:
    """The pipeline's dictionary and the code of a stage."""
    theirs = work.theirs(STAGE, ours)
    entity, _sign, code = theirs.partition(":")
    return entity, code.partition(":")[2]


class _Clients(OutboundStage[records.Client]):
    scope = "crm"
    is_marked = True
    slug: ClassVar[str]

    @override
    def things(self, scope: Scope) -> Iterator[records.Client]:
        return clients(scope, (self.slug,))

    @override
    def count(self, scope: Scope) -> int:
        return records_in(scope).filter(type__slug=self.slug).count()

    @override
    def write(self, work: OutboundWork, record: records.Client) -> Write:
        told = {"fields": self._fields(work, record), "params": {"REGISTER_SONET_EVENT": "N"}}
        return Write(f"crm.{self.slug}.add", told, by=record.created_by, at=record.created_at)

    def _fields(self, work: OutboundWork, record: records.Client) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "ASSIGNED_BY_ID": work.user(record.responsible),
            "COMMENTS": _comment(work, record),
            "SOURCE_DESCRIPTION": record.source_note,
            "OPENED": "Y",
            **_origin(work, record),
            **own_values(work, self.kind, record),
        }
        if record.source:
            _give_source(work, record.source, fields)
        if self.slug != "contact":
            fields["TITLE"] = record.title
        if self.slug in ("contact", "lead"):
            fields |= {"NAME": record.first_name, "SECOND_NAME": record.patronymic,
                       "LAST_NAME": record.last_name, "POST": record.position}  # fmt: skip
            if record.born_on:
                fields["BIRTHDATE"] = record.born_on.isoformat()
        if self.slug == "contact" and not (record.first_name or record.last_name):
            fields["NAME"] = record.title
        if self.slug != "deal":
            fields |= _points(record)
            if record.address:
                fields["ADDRESS"] = record.address
        if work.takes_over:
            fields["OBSERVER_IDS"] = work.people(record.observers)
            if record.tax_number:
                fields["TAX_NUMBER"] = record.tax_number
        if self.slug != "company":
            fields["COMPANY_ID"] = work.theirs("company", record.company) or 0
        return fields

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Client]) -> Mapping[int, str]:
        def ask(one: records.Client) -> Write:
            mark = {"ORIGINATOR_ID": work.source, "ORIGIN_ID": str(one.id)}
            select = ["ID", "ORIGINATOR_ID", "ORIGIN_ID"]
            return Write(f"crm.{self.slug}.list", {"filter": mark, "select": select})

        def told(one: records.Client, result: Any) -> list[str]:
            return [str(row["ID"]) for row in rows_in(result) if str(row.get("ORIGIN_ID")) == str(one.id)]

        return work.look_for(self.kind, sought, ask, told)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.Client]]) -> None:
        told = {one.record.id: {"id": one.theirs} for one in there}
        writes = [
            (one.record.id, Write(f"crm.{self.slug}.update",
                                  {**told[one.record.id], "fields": self._fields(work, one.record)}))
            for one in there if one.is_changed
        ]  # fmt: skip
        has_lines = [one for one in there if one.record.lines]
        emptied = [one for one in there if one.is_changed and not one.record.lines]
        lines = [
            (one.record.id, Write(f"crm.{self.slug}.productrows.set",
                                  {**told[one.record.id], "rows": list(_lines(one.record))},
                                  at=one.record.created_at))
            for one in (*has_lines, *(emptied if self.slug in ("lead", "deal") else ()))
        ]  # fmt: skip
        # A box lets the amount follow the lines, whatever stood there before.
        amounts = [
            (one.record.id, Write(f"crm.{self.slug}.update",
                                  {**told[one.record.id], "fields": {"OPPORTUNITY": one.record.amount}},
                                  at=one.record.created_at))
            for one in has_lines if work.takes_over and one.record.has_own_amount
        ]  # fmt: skip
        work.write_all(self.kind, writes)
        work.write_all(self.kind, lines)
        work.write_all(self.kind, amounts)

    @override
    def total(self, mark: str) -> Command:
        return Command(self.key, f"crm.{self.slug}.list", _marked(mark))


def _comment(work: OutboundWork, record: records.Client) -> str:
    """With what the portal has no place for."""
    if work.takes_over:
        return record.comment
    day = formats.date_format(timezone.localtime(record.created_at), "SHORT_DATE_FORMAT")
    who = work.name_of(record.created_by)
    lines = [record.comment, _("Added on %(day)s by %(name)s.") % {"day": day, "name": who}
             if who else _("Added on %(day)s.") % {"day": day}]  # fmt: skip
    if record.tax_number:
        lines.append(_("Tax number: %(number)s") % {"number": record.tax_number})
    return "\n".join(filter(None, lines))


def _give_source(work: OutboundWork, name: str, fields: dict[str, Any]) -> None:
    """By its name; what the portal has none of goes as words."""
    if "sources" not in work.kept:
        work.kept["sources"] = statuses(work).get("SOURCE", [])
    code = next((row["STATUS_ID"] for row in work.kept["sources"] if same(row.get("NAME"), name)), None)
    if code is not None:
        fields["SOURCE_ID"] = code
    else:
        fields["SOURCE_DESCRIPTION"] = "; ".join(filter(None, (name, fields["SOURCE_DESCRIPTION"])))


def _points(record: records.Client) -> dict[str, Any]:
    found: dict[str, list[dict[str, str]]] = {}
    for one in record.reached_by:
        uses = ("work", "home", "mobile", "fax") if one.kind == "phone" else ("work", "home")
        use = one.use.upper() if one.use in uses else "OTHER"
        found.setdefault(one.kind.upper(), []).append({"VALUE": one.value, "VALUE_TYPE": use})
    return dict(found)


def _lines(record: records.Client) -> Iterator[dict[str, Any]]:
    """The portal wants the price each way, and works out none of them."""
    for place, one in enumerate(record.lines, 1):
        told, rate = Decimal(one.price), Decimal(one.vat_percent or 0)
        factor, left = 1 + rate / 100, 1 - Decimal(one.discount_percent) / 100
        gross = told if one.is_vat_included else told * factor
        net = told / factor if one.is_vat_included else told
        yield {
            "PRODUCT_NAME": one.name, "QUANTITY": one.quantity, "MEASURE_NAME": one.unit, "SORT": 10 * place,
            "PRICE": _cents(gross * left), "PRICE_EXCLUSIVE": _cents(net * left),
            "PRICE_NETTO": _cents(net), "PRICE_BRUTTO": _cents(gross),
            "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": one.discount_percent,
            "DISCOUNT_SUM": _cents(net * (1 - left)),
            "TAX_RATE": one.vat_percent, "TAX_INCLUDED": "Y" if one.is_vat_included else "N",
        }  # fmt: skip


def _cents(value: Decimal) -> str:
    return f"{value:.2f}"


class Companies(_Clients):
    key = "companies"
    label = gettext_lazy("Companies")
    kind = "company"
    slug = "company"
    needs = ("people", "fields")


class Contacts(_Clients):
    key = "contacts"
    label = gettext_lazy("Contacts")
    kind = "contact"
    slug = "contact"
    needs = ("people", "companies", "fields")


class _Staged(_Clients):
    """What moves through stages, and has an amount."""

    @override
    def _fields(self, work: OutboundWork, record: records.Client) -> dict[str, Any]:
        fields = {
            **super()._fields(work, record),
            "OPPORTUNITY": record.amount,
            "IS_MANUAL_OPPORTUNITY": "Y" if record.has_own_amount else "N",
        }
        if record.currency:
            fields["CURRENCY_ID"] = record.currency
        return fields


class Leads(_Staged):
    key = "leads"
    label = gettext_lazy("Leads")
    kind = "lead"
    slug = "lead"
    needs = ("people", "pipelines", "companies", "contacts", "fields")

    @override
    def _fields(self, work: OutboundWork, record: records.Client) -> dict[str, Any]:
        fields = super()._fields(work, record)
        if code := stage_of(work, record.stage)[1]:
            fields["STATUS_ID"] = code
        if contact := work.theirs("contact", record.contact):
            fields["CONTACT_ID"] = contact
        return fields


class Deals(_Staged):
    key = "deals"
    label = gettext_lazy("Deals")
    kind = "deal"
    slug = "deal"
    needs = ("people", "pipelines", "companies", "contacts", "fields")

    @override
    def _fields(self, work: OutboundWork, record: records.Client) -> dict[str, Any]:
        fields = super()._fields(work, record)
        entity, code = stage_of(work, record.stage)
        if code:
            fields["STAGE_ID"] = code
            fields["CATEGORY_ID"] = entity.removeprefix("DEAL_STAGE").lstrip("_") or _FIRST
        wanted = [*filter(None, (record.contact,)), *record.contacts]
        there = work.all_theirs("contact", wanted)
        fields["CONTACT_IDS"] = list(dict.fromkeys(there[one] for one in wanted if one in there))
        for name, day in (("BEGINDATE", record.begins_on), ("CLOSEDATE", record.expected_on)):
            if day:
                fields[name] = day.isoformat()
        return fields


_SLUGS = ("deal", "lead", "contact", "company")
"""In the order in which an activity of several is shown with one of them."""


def owner_of(work: OutboundWork, ours: Sequence[int]) -> tuple[str, str]:
    """The kind and the number of the first of these records that is there; nothing where none is."""
    found = {slug: work.all_theirs(slug, ours) for slug in _SLUGS}
    for one in ours:
        for slug in _SLUGS:
            if one in found[slug]:
                return slug, found[slug][one]
    return "", ""


class Activities(OutboundStage[records.Activity]):
    """Calls and meetings. Letters, notes and other things become comments on the time line: the portal would
    send a letter that it is given."""

    key = "activities"
    label = gettext_lazy("Calls and meetings with clients")
    kind = "activity"
    scope = "crm"
    needs = ("companies", "contacts", "leads", "deals")
    is_marked = True
    _TYPES: ClassVar[Mapping[str, int]] = {"meeting": 1, "call": 2}

    @override
    def things(self, scope: Scope) -> Iterator[records.Activity]:
        return (one for one in activities(scope) if one.kind in self._TYPES)

    @override
    def count(self, scope: Scope) -> int:
        return activities_in(scope).filter(kind__in=self._TYPES).count()

    @override
    def write(self, work: OutboundWork, record: records.Activity) -> Write:
        slug, theirs = owner_of(work, record.clients)
        if not slug:
            raise stays(_("What it is about is not there."))
        end = record.done_at or record.deadline or record.at
        begin = record.deadline if record.deadline and not record.done_at else record.at
        fields = {
            "OWNER_TYPE_ID": KINDS[slug].owner_type, "OWNER_ID": theirs,
            "TYPE_ID": self._TYPES[record.kind], "SUBJECT": record.subject,
            "DESCRIPTION": _told(work, record), "DESCRIPTION_TYPE": 1,
            "DIRECTION": 1 if record.direction == "in" else 2,
            "START_TIME": begin.isoformat(), "END_TIME": max(begin, end).isoformat(),
            "COMPLETED": "Y" if record.done_at or not record.deadline else "N",
            "RESPONSIBLE_ID": work.user(record.responsible),
            "COMMUNICATIONS": [{"VALUE": record.number, "ENTITY_ID": theirs,
                                "ENTITY_TYPE_ID": KINDS[slug].owner_type}],
            **_origin(work, record),
        }  # fmt: skip
        return Write("crm.activity.add", {"fields": fields}, by=record.created_by, at=record.created_at)

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Activity]) -> Mapping[int, str]:
        def ask(one: records.Activity) -> Write:
            mark = {"ORIGINATOR_ID": work.source, "ORIGIN_ID": str(one.id)}
            return Write("crm.activity.list", {"filter": mark, "select": ["ID", "ORIGIN_ID"]})

        def told(one: records.Activity, result: Any) -> list[str]:
            return [str(row["ID"]) for row in rows_in(result) if str(row.get("ORIGIN_ID")) == str(one.id)]

        return work.look_for(self.kind, sought, ask, told)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.Activity]]) -> None:
        done = [one for one in there if one.is_changed and one.record.done_at]
        super().settle(work, [one for one in there if not one.record.done_at])
        for one in done:
            said = _("Of what has changed of it here the portal is told only that it is done.")
            work.remark(self.kind, one.record.id, said)
        told = [(one.record.id, {"id": one.theirs, "fields": {"COMPLETED": "Y"}}) for one in done]
        work.write_all(self.kind, [(ours, Write("crm.activity.update", given)) for ours, given in told])

    @override
    def total(self, mark: str) -> Command:
        return Command(self.key, "crm.activity.list", _marked(mark))


def _origin(work: OutboundWork, record: records.Client | records.Activity) -> dict[str, str]:
    """By what it is found again: in a box by what other programs call it here."""
    if not work.takes_over:
        return {"ORIGINATOR_ID": work.source, "ORIGIN_ID": str(record.id)}
    told = record.external or records.External()
    return {"ORIGINATOR_ID": told.source, "ORIGIN_ID": told.code, "ORIGIN_VERSION": told.version}


def _marked(mark: str) -> dict[str, Any]:
    return {"filter": {"ORIGINATOR_ID": mark} if mark else {}, "select": ["ID"]}


def _told(work: OutboundWork, record: records.Activity) -> str:
    return "\n".join(filter(None, (record.number, record.text, record.result)))


class _OnTimeLines[R: records.Record](OutboundStage[R]):
    """What becomes a comment on the time line of a record. It stands there under the name of whoever made the
    webhook, and says whose it is."""

    scope = "crm"
    needs = ("companies", "contacts", "leads", "deals")

    @abstractmethod
    def _about(self, record: R) -> Sequence[int]:
        """Ours of the records that it is about."""

    @abstractmethod
    def _text(self, work: OutboundWork, record: R) -> str: ...

    @abstractmethod
    def _written(self, record: R) -> tuple[int | None, datetime]:
        """By whom, ours, and when."""

    def _files(self, work: OutboundWork, record: R) -> Sequence[Sequence[str]]:
        return ()

    @override
    def write(self, work: OutboundWork, record: R) -> Write:
        slug, theirs = owner_of(work, self._about(record))
        if not slug:
            raise stays(_("What it is about is not there."))
        fields: dict[str, Any] = {
            "ENTITY_ID": theirs, "ENTITY_TYPE": slug, "COMMENT": self._text(work, record)
        }  # fmt: skip
        if files := self._files(work, record):
            fields["FILES"] = files
        by, at = self._written(record)
        return Write("crm.timeline.comment.add", {"fields": fields}, by=by, at=at)

    @override
    def find(self, work: OutboundWork, sought: Sequence[R]) -> Mapping[int, str]:
        def ask(one: R) -> Write | None:
            slug, theirs = owner_of(work, self._about(one))
            about = {"ENTITY_ID": theirs, "ENTITY_TYPE": slug}
            asked = {"filter": about, "order": {"ID": "DESC"}, "select": ["ID", "COMMENT"]}
            return Write("crm.timeline.comment.list", asked) if slug else None

        def told(one: R, result: Any) -> list[str]:
            text = self._text(work, one)
            return [str(row["ID"]) for row in rows_in(result) if same(row.get("COMMENT"), text)]

        return work.look_for(self.kind, sought, ask, told)


class Letters(_OnTimeLines[records.Activity]):
    key = "letters"
    label = gettext_lazy("Letters, notes and other activities, as comments of clients")
    kind = "letter"

    @override
    def things(self, scope: Scope) -> Iterator[records.Activity]:
        return (one for one in activities(scope) if one.kind not in Activities._TYPES)

    @override
    def count(self, scope: Scope) -> int:
        return activities_in(scope).exclude(kind__in=Activities._TYPES).count()

    @override
    def _about(self, record: records.Activity) -> Sequence[int]:
        return record.clients

    @override
    def _written(self, record: records.Activity) -> tuple[int | None, datetime]:
        return record.created_by or record.responsible, record.at

    @override
    def _text(self, work: OutboundWork, record: records.Activity) -> str:
        text = f"[b]{record.subject}[/b]\n{_told(work, record)}".strip()
        return work.signed(text, record.created_by or record.responsible, record.at, is_named=True)


class ClientComments(_OnTimeLines[records.Comment]):
    key = "client-comments"
    label = gettext_lazy("Comments of clients")
    kind = TIMELINE

    @override
    def things(self, scope: Scope) -> Iterator[records.Comment]:
        return comments(scope, ("crm",))

    @override
    def count(self, scope: Scope) -> int:
        return comments_below(records_in(scope)).count()

    @override
    def _about(self, record: records.Comment) -> Sequence[int]:
        return [record.on]

    @override
    def _written(self, record: records.Comment) -> tuple[int | None, datetime]:
        return record.author, record.created_at

    @override
    def _text(self, work: OutboundWork, record: records.Comment) -> str:
        return work.signed(work.text(record.html), record.author, record.created_at, is_named=True)

    @override
    def _files(self, work: OutboundWork, record: records.Comment) -> Sequence[Sequence[str]]:
        return work.contents(self.kind, record.id, record.files)
