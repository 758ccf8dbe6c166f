"""A table becomes objects: understood, taken once, killed, reported, undone."""

from __future__ import annotations

import io
import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.core.accounts.actions import dismiss_user
from box.core.accounts.erasing import erase_person
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.fields.values import values_of
from box.core.imports import jobs
from box.core.imports.actions import (
    BATCH,
    begin_import,
    context_of,
    read_anew,
    start_import,
    start_undo,
)
from box.core.imports.models import ImportedRow, ImportProblem, ImportRun
from box.core.people.models import Skill
from box.core.registry.belongings import going
from box.lib import xlsx
from box.lib.tables import MOST_COLUMNS, Reading, TableRefused, read_table
from tests.box.core.fields import THINGS, thing_field
from tests.box.core.imports import SKILLS, begun, imported, names, numbered, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


# Understanding


def test_headings_are_understood_in_both_languages_and_by_their_labels(olga: User) -> None:
    assert begun("Finnish;f", head="Навык;Ключ", by=olga).columns == ["name", "key"]
    assert begun("Finnish;f", head="NAME;?", by=olga).columns == ["name", ""]


def test_a_title_above_the_headings_is_passed_over(olga: User) -> None:
    run = begin_import(SKILLS, io.BytesIO(b"Skills of 2026\n\nName;Key\nFinnish;f\n"), "a.csv", by=olga)
    assert (run.head, run.total, run.preview) == (3, 1, [["Name", "Key"], ["Finnish", "f"]])


def test_a_spreadsheet_is_not_read_to_its_end_before_it_is_imported(olga: User) -> None:
    """Reading takes long, and is the job's: what that finds wrong it says."""
    rows: list[list[Any]] = [["Name", "Key"], *([f"Tongue {number}", f"t{number}"] for number in range(40))]
    rows[30] += ["x"] * MOST_COLUMNS
    run = begin_import(SKILLS, io.BytesIO(b"".join(xlsx.written(rows))), "a.xlsx", by=olga)
    assert run.total == 40
    start_import(run, run.columns, by=olga)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.status, run.problem) == ("done", f"Too many columns: {MOST_COLUMNS} at most.")


def test_a_table_without_rows_is_refused_and_nothing_is_kept(olga: User) -> None:
    for empty in (b"", b"Name;Key\n"):
        with pytest.raises(TableRefused, match="row of headings"):
            begin_import(SKILLS, io.BytesIO(empty), "a.csv", by=olga)
    assert not ImportRun.objects.exists()


def test_columns_that_were_chosen_once_are_chosen_again(olga: User, anna: User) -> None:
    run = begun("Finnish;f", head="What;Code", by=olga)
    assert run.columns == ["", ""]
    start_import(run, ["name", "key"], by=olga)
    assert begun("Chess;c", head="Code;WHAT;Name", by=olga).columns == ["key", "name", ""]
    assert begun("Chess;c", head="What;Code", by=anna).columns == ["", ""]


def test_another_encoding_and_delimiter_can_be_chosen(olga: User) -> None:
    run = begin_import(
        SKILLS, table("Финский,ф", "Чешский,ч", head="Навык,Ключ", encoding="cp866"), "a.csv", by=olga
    )
    assert run.reading == {"encoding": "cp866", "delimiter": ","}
    read_anew(run, Reading("cp1251", ";"), 2)
    run.refresh_from_db()
    assert (run.head, run.total, len(run.preview[0])) == (2, 1, 1)
    read_anew(run, Reading("cp866", ","), 1)
    run.refresh_from_db()
    assert run.preview[1] == ["Финский", "ф"]
    start_import(run, run.columns, by=olga)
    with pytest.raises(ValidationError, match="started already"):
        read_anew(run, Reading("cp866", ","), 1)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["", "key"], "“Name”"),
        (["name", "name"], "Two columns"),
        (["name", "no-such"], "no such field: no-such"),
    ],
)
def test_columns_that_make_no_sense_are_refused(columns: list[str], said: str, olga: User) -> None:
    run = begun("Finnish;f", by=olga)
    with pytest.raises(ValidationError, match=said):
        start_import(run, columns, by=olga)
    assert ImportRun.objects.get().status == "new"


def test_each_table_is_read_and_started_by_itself_and_by_who_has_brought_it(
    olga: User, person: Callable[..., User]
) -> None:
    run, other = begun("Finnish;f", by=olga), begun("Chess;c", by=olga)
    read_anew(run, Reading("utf-8-sig", "|"), 1)
    with pytest.raises(PermissionDenied, match="Whoever has brought the table"):
        start_import(run, ["name"], by=person("Ulla", is_administrator=True))
    assert ImportRun.objects.get(pk=run.pk).status == "new"
    assert context_of(run, ["shouts"]).options == {"shouts"}
    for _again in range(2):
        start_import(run, ["name"], by=olga)
    other.refresh_from_db()
    assert (other.status, other.columns) == ("new", ["name", "key"])
    started = Event.objects.filter(kind="imports.ImportStarted")
    assert [one.payload for one in started] == [{"run_id": run.pk, "by_id": olga.pk, "is_undo": False}]


def test_what_becomes_of_duplicates_is_one_of_what_the_importer_offers(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip, merge = ImportRun.Duplicates.SKIP, ImportRun.Duplicates.MERGE
    monkeypatch.setattr(SKILLS, "duplicates", (skip, merge))
    run = begun("Finnish;f", by=olga)
    assert run.duplicates == skip, "the first is usual"
    start_import(run, run.columns, duplicates="add", by=olga)
    run.refresh_from_db()
    assert run.duplicates == skip


def test_of_a_long_name_of_a_table_the_beginning_is_kept(olga: User) -> None:
    assert begin_import(SKILLS, table("Finnish;f"), "x" * 300, by=olga).name == "x" * 255


# Taking


def test_five_thousand_rows_of_which_37_are_bad(olga: User) -> None:
    bad = set(range(7, 5000, 137))
    assert len(bad) == 37
    run = imported(*numbered(5000, bad), by=olga)
    assert (run.status, run.total, run.done, run.created, run.failed) == ("done", 5000, 5000, 4963, 37)
    assert Skill.objects.count() == 4963
    assert {one.row for one in run.problems.all()} == {number + 1 for number in bad}
    assert run.blob is None


def test_the_same_table_again_changes_nothing(olga: User) -> None:
    imported("Finnish;f", by=olga)
    run = imported("Finnish;f", by=olga)
    assert (run.created, run.changed, run.unchanged, names()) == (0, 0, 1, ["Finnish"])


def test_what_is_there_is_corrected_left_or_added_once_more(olga: User) -> None:
    imported("Finnish;f", by=olga)
    assert imported("Suomi;f", by=olga, duplicates="skip").unchanged == 1
    assert names() == ["Finnish"]
    assert imported("Suomi;f", by=olga, duplicates="merge").changed == 1
    assert names() == ["Suomi"]
    run = imported("Chess;c", by=olga, duplicates="add")
    assert (run.created, names()) == (1, ["Chess", "Suomi"])


def test_two_rows_of_a_table_are_one_object_once(olga: User) -> None:
    run = imported("Finnish;f", "Suomi;f", by=olga)
    assert (names(), run.failed) == (["Finnish"], 1)
    assert run.problems.get().text == "Row 2 above is the same."


def test_a_row_that_the_app_refuses_stops_no_other(olga: User) -> None:
    run = imported("Finnish;f", "Broken;broken", "Chess;c", by=olga)
    assert (names(), run.problems.get().text) == (["Chess", "Finnish"], "It is broken.")


def test_options_are_the_importers_and_no_others(olga: User) -> None:
    run = imported("Finnish;f", by=olga, options=["shouts", "no-such"])
    assert (names(), run.options) == (["FINNISH"], ["shouts"])


def test_fields_that_the_company_has_defined_are_columns(olga: User, anna: User) -> None:
    size = thing_field("Size", "choice", by=olga, choices=("S", "M"))
    head = thing_field("Head", "person", by=olga)
    run = imported(
        "Finnish;f;m;" + anna.name, "Chess;c;XL;", "Polish;p;;Nobody", head="Name;Key;Size;Head", by=olga
    )
    skill = Skill.objects.get()
    assert values_of(THINGS, skill.pk) == {size: (size.options[1].pk,), head: (anna.pk,)}
    assert [one.text for one in run.problems.order_by("row")] == [
        "Size: “XL” is not in its list.",
        "Head: “Nobody” is not there, or you may not see it.",
    ]


def test_a_step_asks_as_much_for_many_rows_as_for_few(olga: User) -> None:
    def asked(count: int, first: int) -> int:
        run = begun(*(f"Skill {number};k{number}" for number in range(first, first + count)), by=olga)
        start_import(run, run.columns, by=olga)
        with CaptureQueriesContext(connection) as queries:
            jobs.import_once(run.pk)
        return len(queries)

    asked(2, 0)
    assert asked(2, 10) == asked(BATCH, 1000)


# Faults


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_goes_on_where_it_was(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = numbered(3 * BATCH, bad=[BATCH + 3])
    rows[-1] = "Again;k1"
    run = begun(*rows, by=olga)
    start_import(run, run.columns, by=olga)
    connection.close()
    child = os.fork()
    if not child:
        take = SKILLS.take
        steps = iter(range(10))

        def killed(entries: Any, context: Any) -> Any:
            taken = take(entries, context)
            if next(steps):
                # Within the second step's transaction, after its writes.
                os.kill(os.getpid(), signal.SIGKILL)
            return taken

        monkeypatch.setattr(SKILLS, "take", killed)
        jobs.import_once(run.pk)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    run.refresh_from_db()
    assert (run.status, run.done, run.created) == ("running", BATCH, BATCH)
    jobs.import_all_forgotten(timezone.now())
    run.refresh_from_db()
    assert run.status == "running", "somebody may be at it still"
    jobs.import_all_forgotten(timezone.now() + timedelta(minutes=2))
    run.refresh_from_db()
    assert (run.status, run.done, run.created, run.failed) == ("done", 3 * BATCH, 3 * BATCH - 2, 2)
    assert run.problems.order_by("-row").first().text == "Row 2 above is the same."  # type: ignore[union-attr]
    assert Skill.objects.count() == 3 * BATCH - 2


def test_one_that_breaks_off_ends_with_a_word_and_keeps_no_other_waiting(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = begun(*numbered(BATCH + 1), by=olga), begun("Finnish;f", by=olga)
    for run in (broken, other):
        start_import(run, run.columns, by=olga)
    take = SKILLS.take

    def breaks_off(entries: Any, context: Any) -> Any:
        if context.run.pk == broken.pk and len(entries) < BATCH:
            raise ZeroDivisionError
        return take(entries, context)

    monkeypatch.setattr(SKILLS, "take", breaks_off)
    jobs.import_all_forgotten(timezone.now() + timedelta(minutes=2))
    for run in (broken, other):
        run.refresh_from_db()
    assert (broken.status, broken.done, broken.created, broken.blob) == ("done", BATCH, BATCH, None)
    assert "broke off" in broken.problem
    assert (other.status, other.created, other.problem) == ("done", 1, "")
    start_undo(broken, by=olga)
    monkeypatch.setattr(SKILLS, "remove", lambda ids, context: 1 / 0)
    jobs.import_once(broken.pk)
    broken.refresh_from_db()
    assert (broken.status, Skill.objects.count()) == ("done", BATCH + 1), "such an undo has done nothing"


def test_starting_it_twice_starts_it_once(olga: User) -> None:
    run = begun("Finnish;f", by=olga)
    for _again in range(2):
        start_import(run, run.columns, by=olga)
        jobs.import_once(run.pk)
    assert names() == ["Finnish"]


# Undoing


def test_a_whole_import_is_undone(olga: User) -> None:
    imported("Finnish;f", by=olga)
    run = imported("Suomi;f", "Chess;c", by=olga)
    start_undo(run, by=olga)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.status, names()) == ("undone", ["Finnish"])
    with pytest.raises(ValidationError, match="any more"):
        start_undo(run, by=olga)


def test_what_was_changed_since_keeps_the_whole_of_it(olga: User) -> None:
    run = imported("Finnish;f", "Chess;c", by=olga)
    Skill.objects.filter(key="c").update(name="Go")
    start_undo(run, by=olga)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.status, names()) == ("done", ["Finnish", "Go"])
    assert "nothing was undone: 3" in run.problem


def test_what_was_taken_away_since_keeps_the_whole_of_it(olga: User) -> None:
    run = imported("Finnish;f", "Chess;c", by=olga)
    Skill.objects.filter(key="f").delete()
    start_undo(run, by=olga)
    jobs.import_once(run.pk)
    assert names() == ["Chess"]


def test_an_undo_that_breaks_off_has_done_nothing(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = imported("Finnish;f", by=olga)
    start_undo(run, by=olga)

    def broken(ids: Any, context: Any) -> None:
        Skill.objects.filter(pk__in=ids).delete()
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(SKILLS, "remove", broken)
        jobs.import_once(run.pk)
    assert names() == ["Finnish"]
    run.refresh_from_db()
    assert "broke off" in run.problem
    start_undo(run, by=olga)
    jobs.import_once(run.pk)
    assert names() == []


def test_after_thirty_days_nobody_knows_how_it_was(olga: User) -> None:
    run = imported("Finnish;f", by=olga)
    jobs.forget_rows(timezone.now() + jobs.UNDONE_WITHIN - timedelta(hours=1))
    assert ImportedRow.objects.exists()
    jobs.forget_rows(timezone.now() + jobs.UNDONE_WITHIN + timedelta(hours=1))
    assert not ImportedRow.objects.exists()
    with pytest.raises(ValidationError, match="any more"):
        start_undo(run, by=olga)


def test_the_log_tells_how_many_rows(olga: User) -> None:
    run = imported("Finnish;f", ";b", by=olga)
    start_undo(run, by=olga)
    jobs.import_once(run.pk)
    deliver_all()
    records = {one.kind: one.details for one in AuditRecord.objects.filter(kind__startswith="imports.")}
    assert records["imports.finished"]["rows"] == 2
    assert records["imports.undone"]["rows"] == 1


# Pages


def test_a_table_is_imported_in_the_browser(as_person: Browser, olga: User, anna: User) -> None:
    browser = as_person(olga)
    sent = {"table": SimpleUploadedFile("skills.csv", table("Finnish;f", ";b").read()), "nonce": str(uuid4())}
    answer = browser.post("/imports/test.skills/", sent)
    run = ImportRun.objects.get()
    assert answer.headers["Location"] == f"/imports/{run.pk}/"
    page = browser.get(f"/imports/{run.pk}/").content.decode()
    assert "A skill has a name" in page, "the second row will be refused"
    again = browser.post(f"/imports/{run.pk}/", {"column-0": "key", "column-1": "name", "preview": "1"})
    assert 'value="key" selected' in again.content.decode()
    assert ImportRun.objects.get().status == "new", "looking starts nothing"
    columns = {"column-0": "name", "column-1": "key"}
    assert browser.post(f"/imports/{run.pk}/", columns).status_code == 302
    jobs.import_once(run.pk)
    page = browser.get(f"/imports/{run.pk}/").content.decode()
    assert "Added: 1." in page
    report: Any = browser.get(f"/imports/{run.pk}/problems/")
    head, row = (one.cells for one in read_table(io.BytesIO(b"".join(report.streaming_content))))
    assert head == ("Row", "What is wrong", "Name", "Key")
    assert row == ("3", "A skill has a name of at most 60 characters.", "", "b")
    assert browser.post(f"/imports/{run.pk}/undoing/").status_code == 302
    jobs.import_once(run.pk)
    assert names() == []
    assert browser.post(f"/imports/{run.pk}/undoing/").status_code == 422


def test_the_reading_is_chosen_on_the_page(as_person: Browser, olga: User) -> None:
    run = begun("Finnish;f", by=olga)
    browser = as_person(olga)
    bad = browser.post(
        f"/imports/{run.pk}/reading/", {"encoding": "utf-8-sig", "delimiter": ";", "head": "9"}
    )
    assert bad.status_code == 422
    sent = {"encoding": "utf-8-sig", "delimiter": "|", "head": "1"}
    assert browser.post(f"/imports/{run.pk}/reading/", sent).status_code == 302
    assert ImportRun.objects.get().preview[0] == ["Name;Key"]


def test_whoever_has_no_right_imports_nothing(as_person: Browser, olga: User, anna: User) -> None:
    run = begun("Finnish;f", by=olga)
    browser = as_person(anna)
    for address in ("/imports/test.skills/", f"/imports/{run.pk}/", f"/imports/{run.pk}/problems/"):
        assert browser.get(address).status_code == 403
    for address in (f"/imports/{run.pk}/", f"/imports/{run.pk}/reading/", f"/imports/{run.pk}/undoing/"):
        assert browser.post(address, {"column-0": "name"}).status_code == 403
    assert ImportRun.objects.get().status == "new"
    assert as_person(olga).get("/imports/no.such/").status_code == 404


# Forgetting


def test_nothing_of_a_table_tells_of_who_is_erased(olga: User, anna: User) -> None:
    run = imported(f"{'x' * 61};{anna.login}", "Finnish;f", by=olga)
    waiting = begun(f"Finnish;{anna.login}", by=olga)
    other = begun("Chess;c", by=olga)
    dismiss_user(anna, by=olga)
    assert "1 row of an imported table" in [thing for one in going(anna) for thing in one.things]
    erase_person(anna, by=olga)
    assert not ImportProblem.objects.exists()
    run.refresh_from_db()
    waiting.refresh_from_db()
    other.refresh_from_db()
    assert run.preview == [["Name", "Key"], ["Finnish", "f"]]
    assert (waiting.blob, other.blob is not None) == (None, True)
    with pytest.raises(ValidationError, match="erased meanwhile"):
        start_import(waiting, waiting.columns, by=olga)
