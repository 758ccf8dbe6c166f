"""What a portal gives otherwise than most: the rest comes, and what does not is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from box.apps.calendar.models import Event
from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import Activity, Record
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import Task, TaskFile
from box.core.accounts.models import User
from box.core.discussion.models import Comment
from box.core.discussion.presenters import files_of
from box.core.fields.kinds import LONGEST, LONGEST_TEXT, MOST_VALUES
from box.core.fields.models import Field
from box.core.fields.values import values_of
from box.core.files.models import File
from box.core.groups.actions import follow
from box.core.groups.models import Group
from box.core.structure.models import Membership
from box.lib.plain_text import text_of
from box.transfer import actions, jobs
from box.transfer.cloud import AT_ONCE, CloudRefused
from box.transfer.models import Migration
from box.transfer.stages import crm
from box.transfer.stages.base import MOST_PAGES, Work, counted, gathered
from box.transfer.stages.crm import TIMELINE
from box.transfer.stages.drives import FOLDERS_AT_ONCE, Drives
from box.transfer.stages.groups import MEMBER
from tests.box.transfer.moving import Move
from tests.cast import person
from tests.cloud.company import Company
from tests.cloud.portal import Portal, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from box.transfer.ledger import CloudLedger, Row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture
def olga(db: None) -> User:
    return person("Olga", is_administrator=True)


@pytest.fixture
def company() -> Company:
    found = Company()
    found.department(1, "Company", head=1)
    for pk, name in enumerate(("Anna", "Boris"), start=1):
        found.person(pk, name, UF_DEPARTMENT=[1])
        found.section(pk, "user", pk, name)
    return found


def brought(olga: User, company: Company) -> Move:
    move = Move(olga, company)
    assert move.bring().state == Migration.State.DONE
    return move


def test_of_many_folders_few_are_kept_in_mind_and_each_is_looked_into(olga: User, company: Company) -> None:
    company.storage(1, "common", "shared_files_s1")
    for number in range(300):
        outer = company.folder(("storage", 1), f"Of {number}", 1)
        company.folder(("folder", outer), f"Within {number}", 1)
    move = Move(olga, company)
    pages = list(Drives().pages(Work(move.migration, move.cloud()), {}))
    assert max(len(page.cursor["queue"]) for page in pages) <= 2 * FOLDERS_AT_ONCE
    names = [row["NAME"] for page in pages for row in page.rows]
    assert len(names) == len(set(names)) == 600
    # From any of these cursors on the rest is found.
    for place in (0, len(pages) // 2):
        rest = Drives().pages(Work(move.migration, move.cloud()), pages[place].cursor)
        found = [row["NAME"] for page in rest for row in page.rows]
        assert found == [row["NAME"] for page in pages[place + 1 :] for row in page.rows]


def test_somebody_stands_under_the_first_of_their_departments(olga: User, company: Company) -> None:
    named = [7, 3, 9, 5, 8, 2, 6, 4]
    for number in sorted(named):
        company.department(number, f"Of {number}", 1)
    company.person(3, "Cara", UF_DEPARTMENT=named)
    move = brought(olga, company)
    places = Membership.objects.filter(user=move.ours("person", 3)).order_by("id")
    assert list(places.values_list("department__name", flat=True)) == [f"Of {number}" for number in named]


def test_what_there_is_to_choose_from_may_grow_after_a_field_has_come(olga: User, company: Company) -> None:
    company.own_field("deal", "UF_CRM_1", "enumeration", "Colours", choices={1: "Red"})
    move = brought(olga, company)
    company.own_fields["deal"][0]["LIST"].append({"ID": 2, "SORT": 20, "VALUE": "White"})
    company.record("deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW", UF_CRM_1=2)
    assert move.bring().state == Migration.State.DONE
    field = Field.objects.get(code="UF_CRM_1")
    red, white = field.options
    assert (red.name, white.name) == ("Red", "White")
    deal = Record.objects.get(pk=move.ours("deal", 1))
    assert values_of(SETS[deal.type_id], deal.pk) == {field: (white.pk,)}


def test_a_text_that_is_cut_and_values_that_are_too_many_are_said(olga: User, company: Company) -> None:
    for name, type_id, label, more in (
        ("UF_CRM_1", "string", "Fits", {}),
        ("UF_CRM_2", "string", "Cut", {}),
        ("UF_CRM_3", "string", "Long", {"SETTINGS": {"ROWS": 5}}),
        ("UF_CRM_4", "url", "Page", {}),
        ("UF_CRM_5", "string", "Names", {"MULTIPLE": "Y"}),
    ):  # fmt: skip
        company.own_field("deal", name, type_id, label, **more)
    company.record(
        "deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW",
        UF_CRM_1="x" * LONGEST, UF_CRM_2="x" * (LONGEST + 1), UF_CRM_3="x" * (LONGEST_TEXT + 1),
        UF_CRM_4=f"https://example.com/{'x' * LONGEST}",
        UF_CRM_5=[f"n{number}" for number in range(MOST_VALUES + 1)],
    )  # fmt: skip
    move = brought(olga, company)
    deal = Record.objects.get(pk=move.ours("deal", 1))
    found = {field.name: values for field, values in values_of(SETS[deal.type_id], deal.pk).items()}
    assert found["Fits"] == found["Cut"] == ("x" * LONGEST,) and found["Long"] == ("x" * LONGEST_TEXT,)
    # Half of an address leads somewhere else.
    assert "Page" not in found
    assert len(found["Names"]) == MOST_VALUES
    said = sorted(move.migration.remarks.filter(kind="deal").values_list("text", flat=True))
    assert [text.split()[0].strip(":") for text in said] == ["Cut", "Long", "Names", "Page"]


def test_a_calendar_that_is_not_shown_is_said_and_the_others_come(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.event(1, "Talk", "2021-06-09 10:00", 1, 1)
    company.event(2, "Secret", "2021-06-09 10:00", 1, 2)
    move = Move(olga, company)
    move.look()
    shown = dict(move.portal.answers)

    def unless_boris(method: str) -> Any:
        def answer(given: Mapping[str, Any]) -> Any:
            if str(given["ownerId"]) == "2":
                raise Refused("ACCESS_DENIED", "Access denied!", 403)
            return shown[method](given)

        return answer

    for method in ("calendar.section.get", "calendar.event.get"):
        monkeypatch.setitem(move.portal.answers, method, unless_boris(method))
    assert move.bring().state == Migration.State.DONE
    assert [one.title for one in Event.objects.all()] == ["Talk"]
    assert "ACCESS_DENIED" in move.said("event")["user 2"]
    assert "ACCESS_DENIED" in move.said("section")["user 2"]


def test_where_no_calendar_is_shown_that_is_said_once(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(olga, company)
    move.look()

    def refuse(given: object) -> object:
        raise Refused("insufficient_scope", "The request requires higher privileges.", 403)

    monkeypatch.setitem(move.portal.answers, "calendar.event.get", refuse)
    assert move.bring().state == Migration.State.DONE
    assert move.said("event").keys() == {""}


def test_events_whose_first_row_has_the_number_0_are_each_their_own(olga: User, company: Company) -> None:
    for name in ("One", "Another"):
        company.event(1, name, "2021-06-09 10:00", 1, 1, PARENT_ID="0")
    brought(olga, company)
    assert sorted(one.title for one in Event.objects.all()) == ["Another", "One"]


@pytest.mark.parametrize("odd", ["DATE_FROM_FORMATTED", "DATE_TO_FORMATTED"])
def test_days_that_nobody_means_stop_no_migration(
    olga: User, company: Company, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.event(1, "Odd", "2021-06-09 00:00", 24, 1, DT_SKIP_TIME="Y")
    company.event(2, "Talk", "2021-06-09 10:00", 1, 2)
    move = Move(olga, company)
    move.look()
    events = move.portal.answers["calendar.event.get"]

    def oddly(given: Mapping[str, Any]) -> Any:
        return [{**row, odd: "31.12.9999"} if row["NAME"] == "Odd" else row for row in events(given)]

    monkeypatch.setitem(move.portal.answers, "calendar.event.get", oddly)
    assert move.bring().state == Migration.State.DONE
    assert Event.objects.filter(title="Talk").exists()


def test_a_recording_that_the_portal_does_not_give_is_said(olga: User, company: Company) -> None:
    company.call(1, 2, "+79638835976", CALL_DURATION=95, RECORD_FILE_ID=777)
    move = brought(olga, company)
    assert move.ours("call", 1)
    assert "not given by the portal" in move.said("call")["1"]


def test_companies_whose_tax_numbers_are_refused_come_without_them_and_it_is_said(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_reads: object, _given: object) -> None:
        raise Refused("ACCESS_DENIED", "Access denied.")

    monkeypatch.setattr("tests.cloud.reads._Reads._requisites", refused)
    company.record("company", 1, "Rose Ltd", 2)
    move = brought(olga, company)
    assert Record.objects.get(pk=move.ours("company", 1)).tax_number == ""
    assert "Access denied" in move.said("company")["1"]


def test_a_tax_number_that_was_written_here_stays_where_the_portal_tells_none(
    olga: User, company: Company
) -> None:
    company.record("company", 1, "Rose Ltd", 2)
    move = brought(olga, company)
    ours = Record.objects.filter(pk=move.ours("company", 1))
    ours.update(tax_number="7707083893")
    company.records["company"][0]["TITLE"] = "Rose and Sons"
    assert move.bring().state == Migration.State.DONE
    assert ours.values_list("title", "tax_number").get() == ("Rose and Sons", "7707083893")


def test_a_poll_comes_without_whoever_has_come_and_is_gone_again(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = brought(olga, company)
    gone = move.ours("person", 2)
    move.migration.identities.filter(kind="person", theirs="2").update(ours=gone + 1000)
    poll = company.poll("Which roses?", {"Red": (1,), "White": (2,)})
    company.post(5, 1, "Choose, please", UF_BLOG_POST_VOTE=poll)
    assert move.bring().state == Migration.State.DONE
    post = Post.objects.get(pk=move.ours("post", 5))
    assert dict(post.poll.options.values_list("text", "votes_count")) == {"Red": 1, "White": 0}
    assert "White: 1" in move.said("post")["5"]


def test_all_comes_that_was_said_and_worked_however_much_it_is(olga: User, company: Company) -> None:
    """The portal gives a page of each by itself; of comments of tasks all, or a page."""
    company.task(1, "Long", 1, 2)
    for number in range(120):
        company.task_comment(1, 1 + number % 2, f"Said {number}")
    for number in range(70):
        company.time(1, 2, 60, f"Worked {number}")
    company.record("deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    for number in range(130):
        company.note("deal", 1, 2, f"Noted {number}")
    company.storage(1, "common", "shared_files_s1")
    company.file(("storage", 1), "rules.txt", 1, *(f"Rules {number}".encode() for number in range(60)))
    move = brought(olga, company)
    assert Item.objects.get(name="rules.txt").versions.count() == 59
    task = Task.objects.get(pk=move.ours("task", 1))
    said = Comment.objects.filter(thread=task.thread_id).order_by("id")
    assert [text_of(one.html).strip() for one in said] == [f"Said {number}" for number in range(120)]
    assert task.time_entries.count() == 70
    deal = Record.objects.get(pk=move.ours("deal", 1))
    noted = Comment.objects.filter(thread=deal.thread_id).order_by("id")
    assert [text_of(one.html).strip() for one in noted] == [f"Noted {number}" for number in range(130)]
    # Once more, and nothing is double.
    company.tasks[0]["title"] = "Longer"
    company.records["deal"][0]["TITLE"] = "Red roses"
    move.bring()
    assert (said.count(), task.time_entries.count(), noted.count()) == (120, 70, 130)


def test_a_file_hangs_on_what_it_hung_on_though_the_numbers_are_the_same(
    olga: User, company: Company
) -> None:
    company.task(5, "Talk", 1, 2)
    said = company.task_comment(5, 2, "Half of it", (company.attach("half.txt", b"Half"),))
    company.task(said, "Of the same number", 1, 2)
    company.record("deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    noted = company.note("deal", 1, 2, "See there", {"roses.txt": b"A thousand"})
    company.record("deal", noted, "Of the same number", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    move = brought(olga, company)
    assert not TaskFile.objects.exists()
    for kind, theirs, name in (("task-comment", said, "half.txt"), (TIMELINE, noted, "roses.txt")):
        pk = move.ours(kind, theirs)
        assert [file.name for file in files_of([pk])[pk]] == [name]
    assert File.objects.filter(name__in=["half.txt", "roses.txt"]).count() == 2


def test_a_file_that_the_disk_does_not_give_is_named(olga: User, company: Company) -> None:
    company.record("deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    noted = company.note("deal", 1, 2, "See there", {"roses.txt": b"A thousand"})
    company.attachments.clear()
    move = brought(olga, company)
    assert Comment.objects.get(pk=move.ours(TIMELINE, noted)).html == "<p>See there</p>"
    assert "roses.txt" in move.said(TIMELINE)[str(noted)]


def test_a_row_that_cannot_be_keeps_no_other_of_its_page_out(olga: User, company: Company) -> None:
    """Activities are written together: one of which nothing can come is refused by itself."""
    company.record("contact", 1, "Rose", 1)
    for number in range(1, 6):
        company.activity(number, (3, 1), f"Call {number}", 1)
    company.activities[0]["AUTHOR_ID"], company.activities[1]["AUTHOR_ID"] = "\x00", "\ud800"
    company.activities[2]["OWNER_ID"], company.activities[3]["OWNER_ID"] = "404", "\ud800"
    move = brought(olga, company)
    assert sorted(Activity.objects.values_list("subject", flat=True)) == ["Call 1", "Call 2", "Call 5"]
    said = move.said("activity")
    assert said.keys() == {"1", "2", "3", "4"}
    assert all("under the name of" in said[one] for one in ("1", "2"))
    assert all("has not come" in said[one] for one in ("3", "4"))


def test_of_records_that_come_together_each_that_cannot_be_is_found(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[str] = []

    def add_one(new: NewRecord, **more: Any) -> Record:
        alone.append(new.first_name)
        return add_record(new, **more)

    monkeypatch.setattr(crm, "add_record", add_one)
    for number in range(1, 21):
        company.record("contact", number, f"P{number}", 1, NAME=f"P{number}")
    phones = [{"VALUE": f"+7916123{number:04}", "VALUE_TYPE": "WORK"} for number in range(51)]
    company.records["contact"][7]["PHONE"] = phones
    company.records["contact"][8]["PHONE"] = phones[:50]
    move = brought(olga, company)
    names = Record.objects.filter(type__slug="contact").order_by("id").values_list("first_name", flat=True)
    assert list(names) == [f"P{number}" for number in range(1, 21) if number != 8]
    assert "At most 50" in move.said("contact")["8"]
    assert move.said("contact").keys() == {"8"}
    assert "P8" in alone and len(alone) <= 2, "the others came together"


@pytest.mark.parametrize("odd", ["abc", "\x00", None, "", [], "-5", "\u0661", "9" * 30])
def test_rows_without_a_number_end_their_kind_with_a_word(olga: User, company: Company, odd: Any) -> None:
    for number in (1, 2, 3):
        company.record("contact", number, f"P{number}", 1, NAME=f"P{number}")
    company.record("deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    move = Move(olga, company)

    def contacts(given: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{**company.records["contact"][0], "ID": odd}]

    move.portal.answers = {**move.portal.answers, "crm.contact.list": contacts}
    assert move.bring().state == Migration.State.DONE
    assert "without a number" in move.said("contact")[""]
    assert [record.title for record in Record.objects.all()] == ["Roses"], "the rest comes"


def test_an_answer_that_nobody_can_read_ends_its_kind_with_a_word(
    olga: User, company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    company.record("deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    move = Move(olga, company)
    move.portal.answers = {**move.portal.answers, "crm.category.list": lambda given: {"categories": ["x"]}}
    assert move.bring().state == Migration.State.DONE
    assert "cannot be read" in move.said("pipeline")[""]
    assert "pipelines cannot be read any further" in caplog.text, "with where it was, for whoever mends it"
    assert Record.objects.get().title == "Roses"


def test_a_portal_that_nobody_can_read_says_so_when_it_is_looked_at(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(olga, company)
    monkeypatch.setattr(jobs, "cloud_of", move.cloud)
    scopes, odd = move.portal.scopes, cast("Any", ({"of": "nothing"},))
    move.portal.scopes = odd
    jobs.go_on_once(move.migration.pk)
    assert "cannot be read" in move.again().trouble
    assert move.migration.state == Migration.State.LOOKING, "it is asked again"
    move.portal.scopes = scopes
    jobs.go_on_once(move.migration.pk)
    assert (move.again().trouble, move.migration.state) == ("", Migration.State.READY)


def test_pages_are_gathered_up_to_a_bound() -> None:
    def pages(*sizes: int) -> list[list[Row]]:
        return [[{"ID": number} for number in range(size)] for size in sizes]

    assert [len(page) for page in gathered(pages(50, 50, 10), 100)] == [100, 10]
    assert [len(page) for page in gathered(pages(50, 60, 200, 1), 100)] == [50, 60, 200, 1]
    assert list(gathered(pages(), 100)) == []
    assert next(gathered(pages(2, 3), 4)) == pages(2)[0], "in their order"


def passing_over_start(monkeypatch: pytest.MonkeyPatch, move: Move, method: str) -> None:
    """From now on the portal gives the first page of this method, wherever one wants to begin."""
    handle = move.portal.handle

    def given(asked: str, parameters: Mapping[str, Any]) -> tuple[int, bytes]:
        told = {name: value for name, value in parameters.items() if name != "start" or asked != method}
        return handle(asked, told)

    monkeypatch.setattr(move.portal, "handle", given)


def test_a_portal_that_gives_the_same_page_for_ever_ends_the_kind_and_nothing_else(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2, 70):
        company.department(number, f"Of {number}", 1)
    company.group(1, "Launch", 1)
    move = Move(olga, company)
    move.look()
    passing_over_start(monkeypatch, move, "department.get")
    move.bring()
    assert move.migration.state == Migration.State.DONE
    assert "the same page again and again" in move.said("department")[""]
    assert move.portal.requests < 200


def test_posts_of_a_portal_that_passes_over_where_to_begin_come_to_an_end(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 310):
        company.post(number, 1, f"Post {number}")
    move = Move(olga, company)
    move.look()
    passing_over_start(monkeypatch, move, "log.blogpost.get")
    few = 400

    def refuse(portal: Portal) -> None:
        if portal.requests > few:
            raise AssertionError("it is asked without an end")

    move.portal.on_request = refuse
    move.bring()
    assert move.migration.state == Migration.State.DONE
    assert "the same page again and again" in move.said("post")[""]
    assert Post.objects.exclude(kind=Post.Kind.SYSTEM).count() == AT_ONCE


@pytest.mark.parametrize("told", [10**9, 10**17, 10**30])
def test_a_count_that_no_portal_has_keeps_nothing_from_coming(
    olga: User, company: Company, told: int
) -> None:
    for number in range(1, 60):
        company.post(number, 1, f"Post {number}")
    move = Move(olga, company)
    move.portal.total_is_off_by = told

    def refuse(portal: Portal) -> None:
        if portal.requests > 400:
            raise AssertionError("it is asked without an end")

    move.portal.on_request = refuse
    move.bring()
    assert move.migration.state == Migration.State.DONE
    assert Post.objects.exclude(kind=Post.Kind.SYSTEM).count() == 59


def test_a_folder_that_is_in_itself_is_looked_into_once(olga: User, company: Company) -> None:
    company.storage(1, "common", "shared_files_s1")
    outer = company.folder(("storage", 1), "Outer", 1)
    company.folder(("folder", outer), "Inner", 1)
    outer_row, inner_row = company.objects
    company.objects += [{**outer_row, "_in": ("folder", inner_row["ID"])} for _times in range(2)]
    move = Move(olga, company)
    pages = []
    for page in Drives().pages(Work(move.migration, move.cloud()), {}):
        pages.append(page)
        assert len(pages) < 10
    assert [row["NAME"] for page in pages for row in page.rows] == ["Outer", "Inner", "Outer", "Outer"]


def test_comments_with_a_number_beyond_any_keep_nobody_waiting(olga: User, company: Company) -> None:
    company.post(1, 1, "Said")
    company.comment(10**15, 2, 1, "Never heard of")
    asked = 0

    def refuse(portal: Portal) -> None:
        nonlocal asked
        asked += 1
        if asked > 5000:
            raise AssertionError("it is asked without an end")

    move = Move(olga, company)
    move.portal.on_request = refuse
    move.bring()
    assert move.migration.state == Migration.State.DONE


def test_what_is_nested_without_an_end_ends_the_kind_and_nothing_else(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.post(1, 1, "Said")
    company.record("contact", 1, "", 1, NAME="Deep", POST="?")
    company.record("company", 1, "Less deep", 1, ADDRESS="!")
    move = Move(olga, company)
    move.look()
    handle = move.portal.handle

    def deep(method: str, parameters: Mapping[str, Any]) -> tuple[int, bytes]:
        status, body = handle(method, parameters)
        # The one cannot be parsed; the other one can be, and is too deep for whoever walks through it.
        for sign, levels in ((b'"?"', 200_000), (b'"!"', 5000)):
            body = body.replace(sign, b"[" * levels + b"]" * levels)
        return status, body

    monkeypatch.setattr(move.portal, "handle", deep)
    assert move.bring().state == Migration.State.DONE
    assert Post.objects.exclude(kind=Post.Kind.SYSTEM).count() == 1
    assert "nested too deep" in move.said("contact")[""]
    assert "cannot be read" in move.said("company")[""]
    assert not Record.objects.exists()


def test_more_people_than_any_company_has_are_not_held_in_memory(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(olga, company)
    monkeypatch.setattr(actions, "MOST_PEOPLE", 2)
    assert move.look().matches.count() == 2
    monkeypatch.setattr(actions, "MOST_PEOPLE", 1)
    with pytest.raises(CloudRefused, match="more than 1"):
        actions.look(move.migration, move.cloud())


def test_own_fields_may_come_all_at_once(
    olga: User, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing says that their method knows pages."""
    for number in range(50):
        company.own_field("deal", f"UF_CRM_{number}", "string", f"Field {number}")
    move = Move(olga, company)
    move.look()
    passing_over_start(monkeypatch, move, "crm.deal.userfield.list")
    move.bring()
    assert Field.objects.filter(code__startswith="UF_CRM_").count() == 50
    assert move.said("field") == {}


def test_a_list_without_an_end_is_given_up() -> None:
    asked: list[int] = []

    def call(method: str, *, start: int) -> list[Row]:
        asked.append(start)
        return [{"ID": start + number} for number in range(AT_ONCE)]

    work = cast("CloudLedger", SimpleNamespace(cloud=SimpleNamespace(call=call)))
    with pytest.raises(CloudRefused, match="more than"):
        list(counted(work, "department.get"))
    assert len(asked) == MOST_PAGES


def test_whom_people_have_taken_into_a_group_a_later_pass_does_not_let_go(
    olga: User, company: Company
) -> None:
    company.person(3, "Cara", UF_DEPARTMENT=[1])
    company.group(1, "Launch", 1, {2: "K", 3: "K"})
    move = brought(olga, company)
    group = Group.objects.get(pk=move.ours("group", 1))
    # By their ids there, which are the same in every box.
    members = move.migration.identities.filter(kind=MEMBER)
    assert dict(members.values_list("theirs", "ours")) == {
        f"1:{one}": move.ours("person", one) for one in (2, 3)
    }
    own = person("Zoe")
    follow(group, joining=[own.pk], leaving=())

    def after(told: Mapping[int, str]) -> set[str]:
        company.members[1] = [{"USER_ID": user, "ROLE": role} for user, role in told.items()]
        company.groups[0]["DESCRIPTION"] = f"{len(told)}"
        assert move.bring().state == Migration.State.DONE
        return set(group.members.values_list("user__first_name", flat=True))

    assert after({1: "A", 2: "K"}) == {"Anna", "Boris", "Zoe"}
    # Taken in here again, she is theirs no more.
    follow(group, joining=[move.ours("person", 3)], leaving=())
    assert after({1: "A"}) == {"Anna", "Cara", "Zoe"}
    # And whoever comes with a later pass may go with one.
    assert after({1: "A", 2: "K", 3: "K"}) == {"Anna", "Boris", "Cara", "Zoe"}
    assert after({1: "A", 3: "K"}) == {"Anna", "Cara", "Zoe"}
