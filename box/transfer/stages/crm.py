"""The CRM: pipelines with their stages, sources, companies, contacts, leads and deals with what was said
about them, and activities.

Source: https://apidocs.bitrix24.com/api-reference/crm/. What a kind of records is called there and here, its
numbers and its own fields, stands in `KINDS`; the rest is the same for all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, ClassVar, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.bulk import Addition, take_over_records
from box.apps.crm.actions.bulk_activities import PastActivity, take_over_activities
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.dictionaries import add_ranked
from box.apps.crm.actions.records import NewRecord, add_record, change_record, move_record
from box.apps.crm.actions.setup import add_pipeline, add_stage
from box.apps.crm.actions.stages import change_stage
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach, cleaned
from box.apps.crm.models import Activity, Currency, Pipeline, Record, RecordType, Source
from box.apps.crm.models import Stage as PipelineStage
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.fields.models import Field
from box.core.registry.company import PHONE_REGION
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.registry.origin import importing
from box.lib.bbcode.reading import as_html
from box.lib.plain_text import text_of
from box.transfer.cloud import Command, Outcome
from box.transfer.ledger import Extra, Row, digest_of, file_key
from box.transfer.stages.base import (
    Page,
    Stage,
    Work,
    clean,
    color_in,
    further_on,
    gathered,
    ids_in,
    is_yes,
    line,
    moment_in,
    numbered,
    optional_moment,
    part_of,
    rows_in,
    whole,
)
from box.transfer.stages.comments import change_comment
from box.transfer.stages.own_fields import fetch_own_files, has_own, values_in
from box.transfer.stages.products import bring_lines
from box.transfer.stages.statuses import statuses

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

DEAL_TYPE, DEFAULT_COLOR = 2, "#7bd500"
TIMELINE = "timeline-comment"
REQUISITES = "requisites"
LONGEST_TEXT, LONGEST_TAX_NUMBER = 20_000, 30
# Source: https://apidocs.bitrix24.com/api-reference/crm/timeline/comments/crm-timeline-comment-list.html
_ON_DISK = re.compile(r"/disk/downloadFile/([0-9]{1,12})/", re.ASCII)
# By the letter before a record's number what of it was asked for, and what is said where it is refused.
_REFUSED: Mapping[str, _StrOrPromise] = {
    "c": gettext_lazy("Not all that was said below it is given by the portal: %(why)s"),
    "p": gettext_lazy("Its lines of products are not given by the portal: %(why)s"),
    "k": gettext_lazy("Of its contacts only the first is given by the portal: %(why)s"),
}
_SEMANTICS = {"S": PipelineStage.Kind.WON, "F": PipelineStage.Kind.LOST}
_POINTS = {"PHONE": "phone", "EMAIL": "email", "WEB": "web", "IM": "im"}
_USES = {"WORK": "work", "MOBILE": "mobile", "HOME": "home"}


@dataclass(frozen=True)
class Kind:
    """A kind of records: the type here, the method there, the number of its type in activities."""

    slug: str
    method: str
    owner_type: str
    has_names: bool = False
    products: str = ""
    """The method that lists the lines of products of one."""


KINDS: Mapping[str, Kind] = {
    "lead": Kind("lead", "crm.lead.list", "1", has_names=True, products="crm.lead.productrows.get"),
    "deal": Kind("deal", "crm.deal.list", "2", products="crm.deal.productrows.get"),
    "contact": Kind("contact", "crm.contact.list", "3", has_names=True),
    "company": Kind("company", "crm.company.list", "4"),
}


class Pipelines(Stage):
    """A pipeline a row: that of leads, one for each category of deals, with their stages; and the sources.

    The box's own first pipelines become the portal's first ones, and keep what stages they have beside.
    """

    key = "pipelines"
    label = gettext_lazy("Pipelines, stages and sources")
    kind = "pipeline"

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        dictionaries = statuses(work)
        found = work.cloud.call("crm.category.list", entityTypeId=DEAL_TYPE) or {}
        categories = found.get("categories") if isinstance(found, dict) else None
        rows = [{"ID": "lead", "slug": "lead", "name": "", "stages": dictionaries.get("STATUS", [])}]
        for one in categories or [{"id": 0, "name": ""}]:
            number = str(one["id"])
            entity = "DEAL_STAGE" if number == "0" else f"DEAL_STAGE_{number}"
            name = "" if number == "0" else line(one.get("name"), 100)
            stages = dictionaries.get(entity, [])
            rows.append({"ID": f"deal:{number}", "slug": "deal", "name": name, "stages": stages})
        rows.append({"ID": "sources", "slug": "", "name": "", "stages": dictionaries.get("SOURCE", [])})
        yield from numbered([rows], cursor)

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        if row["ID"] == "sources":
            self._take_sources(work, row)
            work.took(self.kind, row["ID"], 0, digest=digest_of(row), is_new=False)
            return 0
        of = RecordType.objects.get(slug=row["slug"])
        is_first = not row["name"]
        pipeline = (
            of.pipelines.standing().in_order().first()
            if is_first
            else add_pipeline(of, row["name"], by=work.by)
        )
        if pipeline is None:
            raise ValidationError(_("There is no pipeline here."), code="refused")
        self._take_stages(work, row, pipeline, is_first=is_first)
        work.took(self.kind, row["ID"], pipeline.pk, digest=digest_of(row), is_new=not is_first)
        return pipeline.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        if row["ID"] == "sources":
            self._take_sources(work, row)
        elif (pipeline := Pipeline.objects.filter(pk=ours).first()) is not None:
            self._take_stages(work, row, pipeline, is_first=True)

    def _take_stages(self, work: Work, row: Row, pipeline: Pipeline, *, is_first: bool) -> None:
        standing = list(pipeline.stages.standing().in_order())
        by_code = {stage.code: stage for stage in standing}
        for told in row["stages"]:
            code, kind = str(told["STATUS_ID"]), _semantics(told)
            theirs, name = f"{row['ID']}:{code}", line(told.get("NAME"), 100) or code
            ours = work.ours("stage", theirs)
            plain = code.rpartition(":")[2]
            stage = next((one for one in standing if one.pk == ours), None) or by_code.pop(plain, None)
            if stage is None and kind == PipelineStage.Kind.WON:
                # A pipeline is won in one stage.
                stage = next((one for one in standing if one.kind == kind), None)
            color = _color(told) or (stage.color if stage else DEFAULT_COLOR)
            if stage is None:
                stage = add_stage(pipeline, name, kind=kind, color=color, by=work.by)
            elif str(stage) != name:
                change_stage(stage, name, color, by=work.by)
            work.took("stage", theirs, stage.pk, is_new=False)

    def _take_sources(self, work: Work, row: Row) -> None:
        known = {one.code: one for one in Source.objects.all()}
        names = {str(one): one for one in known.values()}
        for told in row["stages"]:
            code, name = str(told["STATUS_ID"]), line(told.get("NAME"), 100) or str(told["STATUS_ID"])
            if not work.ours("source", code):
                source = known.get(code) or names.get(name) or add_ranked(Source, name, by=work.by)
                work.took("source", code, source.pk, is_new=False)


def _on_disk(file: Row) -> str:
    """The number of a file of the disk, which stands in its address; nothing where it lies elsewhere."""
    found = _ON_DISK.search(str(file.get("urlDownload")))
    return found[1] if found else ""


def _values(told: Any) -> list[Row]:
    """Of an object of PHP's, or a list."""
    several = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return [one for one in several if isinstance(one, dict)]


def _semantics(told: Row) -> PipelineStage.Kind:
    return _SEMANTICS.get(str(told.get("SEMANTICS") or ""), PipelineStage.Kind.OPEN)


def _color(told: Row) -> str:
    extra = told.get("EXTRA")
    return color_in(told.get("COLOR") or (extra.get("COLOR") if isinstance(extra, dict) else ""))


class Records(Stage):
    """One kind of them."""

    of: ClassVar[Kind]

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after, select = int(cursor.get("after", 0)), ["*", "UF_*", *_POINTS]
        for rows in work.cloud.walk(self.of.method, after=after, select=select):
            yield Page(rows, {"after": int(rows[-1]["ID"])})

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        """What was said below them, lines of products, and of deals all contacts."""
        asked, said = [], []
        for row in rows:
            theirs = self.id_of(row)
            about = {"ENTITY_ID": theirs, "ENTITY_TYPE": self.of.slug}
            said.append(
                Command(f"c{theirs}", "crm.timeline.comment.list", {"filter": about, "order": {"ID": "ASC"}})
            )
            if self.of.products:
                asked.append(Command(f"p{theirs}", self.of.products, {"id": theirs}))
            if self.of.slug == "deal":
                asked.append(Command(f"k{theirs}", "crm.deal.contact.items.get", {"id": theirs}))
        found = whole(work.cloud, said, further_on) | work.cloud.each(asked)
        extra = Extra({name: outcome.result or [] for name, outcome in found.items()})
        for row in rows:
            self._note_refusals(row, found, extra)
        comments = {self.id_of(row): rows_in(found[f"c{self.id_of(row)}"].result) for row in rows}
        extra.within |= {
            (TIMELINE, str(one["ID"])): theirs for theirs, some in comments.items() for one in some
        }
        self._fetch_said(work, [one for some in comments.values() for one in some], extra)
        if self.of.slug == "company":
            self._fetch_requisites(work, rows, extra)
        fetch_own_files(work, self.of.slug, self.of.owner_type, rows, extra)
        return extra

    def _note_refusals(self, row: Row, found: Mapping[str, Outcome], extra: Extra) -> None:
        """What the portal does not give is None, and takes nothing away that came before."""
        for letter, said in _REFUSED.items():
            name = f"{letter}{self.id_of(row)}"
            if name in found and (refused := found[name].refused) is not None:
                is_passing = found[name].is_passing
                extra.refuse(self.kind, self.id_of(row), str(said) % {"why": refused}, is_passing=is_passing)
                # Of what was said it may have given a part.
                extra.rows[name] = found[name].result if letter == "c" else None

    def _fetch_requisites(self, work: Work, rows: Sequence[Row], extra: Extra) -> None:
        """Tax numbers, which the portal keeps apart; another Korobka tells them with the company.

        Source: https://apidocs.bitrix24.com/api-reference/crm/requisites/universal/crm-requisite-list.html
        """
        of = [self.id_of(row) for row in rows if "TAX_NUMBER" not in row]
        if not of:
            return
        about = {"ENTITY_TYPE_ID": self.of.owner_type, "ENTITY_ID": of}
        asked = Command(
            REQUISITES, "crm.requisite.list",
            {"filter": about, "select": ["ID", "ENTITY_ID", "RQ_INN"], "order": {"ID": "ASC"}},
        )  # fmt: skip
        found = whole(work.cloud, [asked], further_on)[REQUISITES]
        if found.refused is not None:
            said = _("Tax numbers are not given by the portal: %(why)s") % {"why": found.refused}
            for theirs in of:
                extra.refuse(self.kind, theirs, said, is_passing=found.is_passing)
        numbers: dict[str, str] = {}
        for one in found.result:
            if number := line(one.get("RQ_INN"), LONGEST_TAX_NUMBER):
                numbers.setdefault(str(one.get("ENTITY_ID")), number)
        extra.rows[REQUISITES] = numbers

    def _fetch_said(self, work: Work, comments: Sequence[Row], extra: Extra) -> None:
        """Files of what was said. Their addresses are for people; the disk knows those for programs."""
        told = {
            str(one["ID"]): [file for file in _values(one.get("FILES")) if file.get("id")] for one in comments
        }
        came = work.all_ours(
            "file", [file_key(TIMELINE, pk, file["id"]) for pk, some in told.items() for file in some]
        )
        files = {
            pk: [file for file in some if file_key(TIMELINE, pk, file["id"]) not in came]
            for pk, some in told.items()
        }
        numbers = {_on_disk(file) for some in files.values() for file in some} - {""}
        on_disk = work.cloud.each([Command(f"f{one}", "disk.file.get", {"id": one}) for one in numbers])
        wanted: dict[str, list[Row]] = {}
        for theirs, some in files.items():
            for file in some:
                address = file.get("urlDownload")
                if number := _on_disk(file):
                    told = on_disk[f"f{number}"].result
                    address = told.get("DOWNLOAD_URL") if isinstance(told, dict) else None
                if address:
                    row = {"ID": str(file["id"]), "NAME": file.get("name"), "DOWNLOAD_URL": address}
                    wanted.setdefault(theirs, []).append(row)
                else:
                    said = _("The file “%(name)s” is not given by the portal.")
                    extra.refuse(TIMELINE, theirs, said % {"name": line(file.get("name"), 100)})
        work.fetch_files(TIMELINE, wanted, extra)

    @override
    def refers_to(self, row: Row) -> Iterable[tuple[str, Any]]:
        yield from (("person", row.get(name)) for name in ("CREATED_BY_ID", "ASSIGNED_BY_ID"))
        yield "company", row.get("COMPANY_ID")
        yield "source", row.get("SOURCE_ID")

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        made = self._made(work, row, extra, self._clients(work, [row], extra))
        record = add_record(made.new, by=made.by)
        work.took(self.kind, self.id_of(row), record.pk, digest=digest_of(row))
        self._complete(work, row, extra, record, made.by or work.by)
        return record.pk

    @override
    def take_all(self, work: Work, rows: Sequence[Row], extra: Extra) -> Sequence[Row]:
        clients = self._clients(work, rows, extra)
        made = [self._made(work, row, extra, clients) for row in rows]
        records = take_over_records(made)
        work.took_all(
            self.kind,
            ((self.id_of(row), record.pk, digest_of(row)) for row, record in zip(rows, records, strict=True)),
        )
        for row, record, one in zip(rows, records, made, strict=True):
            with importing(at=one.made_at):
                self._complete(work, row, extra, record, one.by or work.by)
        return ()

    def _made(self, work: Work, row: Row, extra: Extra, clients: Mapping[int, Record]) -> Addition:
        theirs = self.id_of(row)
        contacts = self._contacts(work, row, extra, clients)
        new = NewRecord(
            type=next(one for one in catalog().types.values() if one.slug == self.of.slug),
            responsible=work.author(self.kind, theirs, row.get("ASSIGNED_BY_ID")),
            stage=self._stage(work, row),
            contacts=contacts,
            reached_by=self._points(work, row),
            **self._fields(work, row, extra, contacts, clients),
        )
        by = work.author(self.kind, theirs, _made_by(row, "CREATED_BY_ID", "ASSIGNED_BY_ID"))
        return Addition(new, by, self.moment_of(row))

    def _complete(self, work: Work, row: Row, extra: Extra, record: Record, by: User) -> None:
        self._sell(work, row, extra, record, by)
        if has_own(row):
            self._fill_own(work, row, extra, record, by)
        self._say(work, row, extra, record)

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        record = Record.objects.there().filter(pk=ours).select_related("type", "stage").first()
        if record is None:
            return
        by = work.person(row.get("MODIFY_BY_ID"))
        with importing(at=moment_in(row.get("DATE_MODIFY"))):
            clients = self._clients(work, [row], extra)
            contacts = self._contacts(work, row, extra, clients)
            changes = {
                **self._fields(work, row, extra, contacts, clients),
                "reached_by": self._points(work, row),
            }
            responsible = work.person(row.get("ASSIGNED_BY_ID"))
            if contacts and extra.rows.get(f"k{self.id_of(row)}", ()) is not None:
                changes["contacts"] = contacts
            if responsible.pk != record.responsible_id and responsible.is_active:
                changes["responsible"] = responsible
            record = change_record(record, changes, by=by)
            stage = self._stage(work, row)
            if stage is not None and stage.pk != record.stage_id:
                move_record(record, stage, by=by)
            self._sell(work, row, extra, record, by)
            self._fill_own(work, row, extra, record, by)
        self._say(work, row, extra, record)

    @override
    def complete(self, work: Work, row: Row, extra: Extra, ours: int, *, is_edited: bool) -> None:
        if not is_edited:
            self.change(work, row, extra, ours)
            return
        record = Record.objects.there().filter(pk=ours).select_related("type").first()
        if record is not None:
            by = work.person(row.get("MODIFY_BY_ID"))
            self._fill_own(work, row, extra, record, by, only=frozenset({Field.Kind.FILE}))
            self._say(work, row, extra, record)

    def _clients(self, work: Work, rows: Sequence[Row], extra: Extra) -> Mapping[int, Record]:
        """Companies and contacts of these rows, by their ids here."""
        companies = work.all_ours("company", [row.get("COMPANY_ID") for row in rows])
        contacts = work.all_ours("contact", [one for row in rows for one in self._contact_ids(row, extra)])
        wanted = {*companies.values(), *contacts.values()}
        return Record.objects.there().in_bulk(wanted) if wanted else {}

    def _fields(
        self,
        work: Work,
        row: Row,
        extra: Extra,
        contacts: Sequence[Record],
        clients: Mapping[int, Record],
    ) -> dict[str, Any]:
        theirs = self.id_of(row)
        title = line(row.get("TITLE"), 255)
        fields: dict[str, Any] = {
            "title": title or _("No. %(id)s") % {"id": theirs},
            "comment": _plain(row.get("COMMENTS")),
            "source": catalog().sources.get(work.ours("source", row.get("SOURCE_ID"))),
            "source_note": line(row.get("SOURCE_DESCRIPTION"), 400),
            "address": line(row.get("ADDRESS"), 400),
            **_external(row),
        }
        if self.of.has_names:
            fields |= {
                "first_name": line(row.get("NAME"), 100),
                "patronymic": line(row.get("SECOND_NAME"), 100),
                "last_name": line(row.get("LAST_NAME"), 100),
                "position": line(row.get("POST"), 150),
                "born_on": _day(row.get("BIRTHDATE")),
            }
        if self.of.slug in ("lead", "deal"):
            begins, ends = _day(row.get("BEGINDATE")), _day(row.get("CLOSEDATE"))
            fields |= {
                "amount": _amount(row.get("OPPORTUNITY")),
                "currency": self._currency(work, row),
                "begins_on": begins,
                "expected_on": ends if not (begins and ends) or begins <= ends else None,
            }
        if self.of.slug == "company":
            number = row.get("TAX_NUMBER") or extra.rows.get(REQUISITES, {}).get(theirs)
            # One that is not told may have been written here meanwhile.
            if number := line(number, LONGEST_TAX_NUMBER):
                fields["tax_number"] = number
        else:
            fields["company"] = clients.get(work.ours("company", row.get("COMPANY_ID")))
        if self.of.slug in ("lead", "deal"):
            fields["contact"] = contacts[0] if contacts else None
        return fields

    def _currency(self, work: Work, row: Row) -> str:
        code = line(row.get("CURRENCY_ID"), 3).upper()
        if code and not Currency.objects.filter(code=code).exists():
            said = _("There is no currency %(code)s here: the amount stands in the company's own.")
            work.remark(self.kind, self.id_of(row), said % {"code": code})
            return ""
        return code

    def _stage(self, work: Work, row: Row) -> PipelineStage | None:
        """None: into the first one, or a type without stages."""
        if self.of.slug not in ("lead", "deal"):
            return None
        pipeline = "lead" if self.of.slug == "lead" else f"deal:{row.get('CATEGORY_ID') or 0}"
        code = row.get("STATUS_ID") if self.of.slug == "lead" else row.get("STAGE_ID")
        ours = work.ours("stage", f"{pipeline}:{code}")
        return catalog().stages.get(ours)

    def _contact_ids(self, row: Row, extra: Extra) -> list[str]:
        """Theirs, of what has contacts."""
        if self.of.slug not in ("lead", "deal"):
            return []
        told = extra.rows.get(f"k{self.id_of(row)}") or []
        theirs = [str(one.get("CONTACT_ID")) for one in told if isinstance(one, dict)]
        return list(dict.fromkeys([*ids_in(row.get("CONTACT_ID")), *theirs]))

    def _contacts(self, work: Work, row: Row, extra: Extra, clients: Mapping[int, Record]) -> list[Record]:
        ours = work.all_ours("contact", self._contact_ids(row, extra)).values()
        return [clients[one] for one in ours if one in clients]

    def _points(self, work: Work, row: Row) -> tuple[Reach, ...]:
        found: dict[tuple[str, str], Reach] = {}
        for name, kind in _POINTS.items():
            given = row.get(name)
            for one in given if isinstance(given, list) else ():
                value = line(one.get("VALUE"), 254) if isinstance(one, dict) else ""
                if not value:
                    continue
                reach = Reach(kind, value, _USES.get(str(one.get("VALUE_TYPE")), "work"))
                try:
                    point = cleaned(reach, region=PHONE_REGION.value)
                except ValidationError as error:
                    work.remark(self.kind, self.id_of(row), " ".join(error.messages))
                else:
                    found.setdefault((kind, point.normal), reach)
        return tuple(found.values())

    def _sell(self, work: Work, row: Row, extra: Extra, record: Record, by: User) -> None:
        if self.of.products:
            told = extra.rows.get(f"p{self.id_of(row)}")
            if told is None:
                return
            rows = _values(told)
            follows = not is_yes(row.get("IS_MANUAL_OPPORTUNITY"))
            bring_lines(work, self.kind, self.id_of(row), rows, record, follows=follows, by=by)

    def _fill_own(
        self, work: Work, row: Row, extra: Extra, record: Record, by: User, *,
        only: Collection[str] = frozenset(Field.Kind),
    ) -> None:  # fmt: skip
        """What it has in the company's own fields of these kinds."""
        theirs = self.id_of(row)
        files = work.files_of(self.kind, theirs, extra, by=by)
        if has_own(row) and record.pk:
            files = {**work.held_files(self.kind, theirs), **files}
        told = values_in(work, self.of.slug, row, files)
        if values := {field: said for field, said in told if field.kind in only}:
            set_values(record, values, by=by)

    def _say(self, work: Work, row: Row, extra: Extra, record: Record) -> None:
        """What was written on its time line, below it."""
        for text in extra.refusals(self.kind, self.id_of(row)):
            work.remark(self.kind, self.id_of(row), text)
        rows = rows_in(extra.rows.get(f"c{self.id_of(row)}"))
        known = work.known(TIMELINE, [str(one["ID"]) for one in rows])
        for one in rows:
            theirs = str(one["ID"])
            if theirs in known and (TIMELINE, theirs) not in extra.files:
                continue
            with part_of(work, TIMELINE, theirs), importing(at=moment_in(one.get("CREATED"))):
                if theirs in known:
                    identity = known[theirs]
                    change_comment(work, identity, one.get("COMMENT"), extra, identity.digest)
                    continue
                author = work.author(TIMELINE, theirs, one.get("AUTHOR_ID"))
                files = work.files_of(TIMELINE, theirs, extra, by=author)
                html = work.html(one.get("COMMENT"), files)
                ids = [file.pk for file in files.values()]
                comment = add_comment(record.thread, html=html, file_ids=ids, by=author)
                work.took(TIMELINE, theirs, comment.pk, digest=digest_of(one), html=comment.html)


class Companies(Records):
    key = "companies"
    label = gettext_lazy("Companies")
    kind = "company"
    needs = ("people", "pipelines", "fields")
    of = KINDS["company"]


class Contacts(Records):
    key = "contacts"
    label = gettext_lazy("Contacts")
    kind = "contact"
    needs = ("people", "pipelines", "companies", "fields")
    of = KINDS["contact"]


class Leads(Records):
    key = "leads"
    label = gettext_lazy("Leads")
    kind = "lead"
    needs = ("people", "pipelines", "companies", "contacts", "fields")
    of = KINDS["lead"]


class Deals(Records):
    key = "deals"
    label = gettext_lazy("Deals")
    kind = "deal"
    needs = ("people", "pipelines", "companies", "contacts", "fields")
    of = KINDS["deal"]


class Activities(Stage):
    """Calls, letters, meetings and steps to come, on the time line of what they are about."""

    key = "activities"
    label = gettext_lazy("Activities of the CRM")
    kind = "activity"
    needs = ("people", "companies", "contacts", "leads", "deals")

    # By the number of the type there: https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/
    AT_ONCE = 500
    TYPES: ClassVar[Mapping[str, str]] = {"1": "meeting", "2": "call", "3": "task", "4": "email"}

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        walk = work.cloud.walk("crm.activity.list", after=after, select=["*"])
        for rows in gathered(walk, self.AT_ONCE):
            yield Page(rows, {"after": int(rows[-1]["ID"])})

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("CREATED"))

    @override
    def refers_to(self, row: Row) -> Iterable[tuple[str, Any]]:
        yield from (("person", row.get(name)) for name in ("AUTHOR_ID", "RESPONSIBLE_ID"))
        if slug := _owner_kind(row):
            yield slug, row.get("OWNER_ID")

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        past = self._past(work, row)
        record = Record.objects.there().filter(pk=past.record_id).first()
        if record is None:
            raise ValidationError(_("What it is about has not come."), code="refused")
        activity = add_activity(past.new, [record], by=past.by)
        work.took(self.kind, self.id_of(row), activity.pk, digest=digest_of(row))
        return activity.pk

    @override
    def take_all(self, work: Work, rows: Sequence[Row], extra: Extra) -> Sequence[Row]:
        owners = {self.id_of(row): self._owner(work, row) for row in rows}
        there = set(
            Record.objects.there().filter(id__in_array=list(owners.values())).values_list("pk", flat=True)
        )
        fit = [row for row in rows if owners[self.id_of(row)] in there]
        ids = take_over_activities([self._past(work, row) for row in fit])
        work.took_all(
            self.kind,
            ((self.id_of(row), pk, digest_of(row)) for row, pk in zip(fit, ids, strict=True)),
        )
        return [row for row in rows if owners[self.id_of(row)] not in there]

    def _owner(self, work: Work, row: Row) -> int:
        """What it is about, here; 0 for what has not come."""
        slug = _owner_kind(row)
        return work.ours(slug, row.get("OWNER_ID")) if slug else 0

    def _past(self, work: Work, row: Row) -> PastActivity:
        theirs = self.id_of(row)
        by = work.author(self.kind, theirs, _made_by(row, "AUTHOR_ID", "RESPONSIBLE_ID"))
        is_done = is_yes(row.get("COMPLETED"))
        deadline = None if is_done else optional_moment(row.get("DEADLINE"))
        new = NewActivity(
            kind=self.TYPES.get(str(row.get("TYPE_ID")), "note"),
            subject=line(row.get("SUBJECT"), 255) or _("(without a subject)"),
            responsible=work.author(self.kind, theirs, row.get("RESPONSIBLE_ID")),
            direction={"1": "in", "2": "out"}.get(str(row.get("DIRECTION")), ""),
            text=_plain(row.get("DESCRIPTION")),
            at=optional_moment(row.get("START_TIME")) or moment_in(row.get("CREATED")),
            deadline=deadline,
            **_external(row),
        )
        return PastActivity(new, self._owner(work, row), by, self.moment_of(row))

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        """What was to be done is done by now."""
        activity = Activity.objects.filter(pk=ours, done_at=None).exclude(deadline=None).first()
        if activity is not None and is_yes(row.get("COMPLETED")):
            with importing(at=moment_in(row.get("LAST_UPDATED"))):
                complete_activity(activity, by=work.person(row.get("RESPONSIBLE_ID")))


def _owner_kind(row: Row) -> str:
    """The kind of what an activity is about; nothing for what does not come."""
    number = str(row.get("OWNER_TYPE_ID"))
    return next((slug for slug, kind in KINDS.items() if kind.owner_type == number), "")


def _made_by(row: Row, maker: str, responsible: str) -> Any:
    """What a form or a program has made, and nobody, is of whoever answers for it."""
    return row.get(maker if str(row.get(maker) or "").strip("0") else responsible)


def _external(row: Row) -> dict[str, Any]:
    """What another program calls it."""
    names = {
        "external_id": "ORIGIN_ID", "external_source": "ORIGINATOR_ID", "external_version": "ORIGIN_VERSION",
    }  # fmt: skip
    return {ours: line(row.get(name), LONGEST_EXTERNAL_ID) for ours, name in names.items()}


def _plain(text: Any) -> str:
    return text_of(as_html(clean(text))).strip()[:LONGEST_TEXT]


def _amount(value: Any) -> Decimal:
    try:
        found = Decimal(str(value or 0)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return Decimal(0)
    return max(found, Decimal(0)) if found.is_finite() else Decimal(0)


def _day(value: Any) -> date | None:
    found = optional_moment(value)
    return found.date() if found else None
