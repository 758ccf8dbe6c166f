from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from box.apps.feed import actions as feed
from box.apps.feed.actions import Draft
from box.apps.feed.models import Post
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.groups import actions as groups
from box.core.groups.actions import NewGroup
from box.core.registry.services import switch_of
from box.core.registry.settings import store
from box.core.search import queries
from box.core.search.indexing import rebuild
from box.core.search.models import Document
from box.core.search.queries import Wanted, find
from box.core.structure.actions import create_department
from box.lib.bulk import copy_rows
from tests.box.core.search.deliveries import deliver

if TYPE_CHECKING:
    from django.test import Client

    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 12


def post(author: User, text: str, *audience: str) -> Post:
    return feed.publish_post(Draft(text, audience or (EVERYONE,)), by=author)


def titles(reader: User, text: str, **wanted: Any) -> list[str]:
    deliver()
    reader = User.objects.get(pk=reader.pk)
    documents = Document.objects.all()
    found = find(reader, Wanted(text, **wanted))
    rows = [documents.get(kind=one.kind, object_id=one.object_id) for one in found]
    return [row.title or row.body for row in rows]


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Новый склад принял машины", "складами"),
        ("Новый склад принял машины", "скл"),
        ("Отчёт готов", "отчет"),
        ("Отчет готов", "ОТЧЁТ"),
        ("We are running late", "run"),
        ("We are running late", "runni"),
        ("Переезд офиса в понедельник", "офис понед"),
        ("Order 2024 is here", "2024"),
        ("Письмо для Ивана", "для ивана"),
    ],
)
def test_words_are_found_in_both_languages_and_while_typing(anna: User, written: str, typed: str) -> None:
    post(anna, written)
    post(anna, "Совсем другое")
    assert titles(anna, typed) == [written]


@pytest.mark.parametrize("typed", ["", " ", "a", "_", "%", "'; DROP", "склад & !", "\x00", "((", "ё" * 300])
def test_what_is_no_word_finds_nothing_and_breaks_nothing(anna: User, typed: str) -> None:
    post(anna, "Новый склад")
    assert titles(anna, typed) in ([], ["Новый склад"])


def test_everything_there_is_is_found(anna: User, sales: Department, as_person: Browser) -> None:
    group = groups.create_group(NewGroup("Marathon", description="Running together"), by=anna)
    create_department("Marathon office", parent=sales, by=None)
    written = post(anna, "Marathon on Sunday")
    add_comment(written.thread, "a marathon is long", by=anna)
    deliver()
    kinds = {one.kind: one for one in find(anna, Wanted("marathon"))}
    assert set(kinds) == {"feed.post", "feed.comment", "groups.group", "org.department"}
    assert kinds["feed.comment"].url.startswith(f"/feed/{written.pk}/#comment-")
    assert kinds["groups.group"].url == group.get_absolute_url()
    assert [one.kind for one in find(anna, Wanted("together"))] == ["groups.group"]
    assert {one.kind for one in find(anna, Wanted("marathon", kind="feed.post"))} == {"feed.post"}


def test_titles_count_more_than_texts(anna: User) -> None:
    post(anna, "we speak of the harvest, harvest, harvest")
    groups.create_group(NewGroup("Harvest"), by=anna)
    assert titles(anna, "harvest")[0] == "Harvest"


def test_only_what_one_may_see_is_found(
    anna: User, boris: User, cara: User, erik: User, olga: User, sales: Department
) -> None:
    post(anna, "harvest for all")
    post(anna, "harvest for sales", sales.code)
    post(anna, "harvest between us", code_of(boris))
    groups.create_group(NewGroup("Harvest, secretly", kind="secret"), by=anna)
    assert set(titles(anna, "harvest")) == {
        *("harvest for all", "harvest for sales", "harvest between us", "Harvest, secretly")
    }
    assert set(titles(boris, "harvest")) == {"harvest for all", "harvest for sales", "harvest between us"}
    assert titles(cara, "harvest") == ["harvest for all"]
    assert set(titles(olga, "harvest")) == {"harvest for all", "harvest for sales", "Harvest, secretly"}
    assert titles(erik, "harvest") == []


def test_a_guest_finds_what_their_groups_write_and_who_is_in_them(
    as_person: Browser, anna: User, boris: User, cara: User, erik: User
) -> None:
    group = groups.create_group(NewGroup("Harvest", kind="extranet"), by=anna)
    groups.invite_people(group, [erik, boris], by=anna)
    for one in (erik, boris):
        groups.join_group(group, by=one)
    post(anna, "harvest with guests", group.code)
    post(anna, "harvest without guests")
    erik = User.objects.get(pk=erik.pk)
    assert set(titles(erik, "harvest")) == {"Harvest", "harvest with guests"}
    page = as_person(erik).get("/search/", {"q": "Test"}).content.decode()
    assert "Test Boris" in page
    assert "Test Cara" not in page
    assert "Test Cara" not in as_person(erik).get("/search/?q=Cara&kind=people").content.decode()


def test_changes_are_followed(anna: User, boris: User, sales: Department) -> None:
    written = post(anna, "harvest")
    add_comment(written.thread, "a fine harvest", by=boris)
    group = groups.create_group(NewGroup("Harvest"), by=anna)
    assert len(titles(boris, "harvest")) == 3
    feed.delete_post(written, by=anna)
    groups.change_group(group, NewGroup("Sowing"), by=anna)
    assert titles(boris, "harvest") == []
    assert titles(boris, "sowing") == ["Sowing"]
    groups.delete_group(group, by=anna)
    assert titles(boris, "sowing") == []
    assert not Document.objects.filter(kind__in=["feed.post", "feed.comment", "groups.group"]).exists()


def test_a_deleted_groups_posts_are_no_longer_found_by_its_members(anna: User, boris: User) -> None:
    group = groups.create_group(NewGroup("Reading"), by=anna)
    groups.join_group(group, by=boris)
    boris = User.objects.get(pk=boris.pk)
    post(anna, "harvest", group.code)
    assert titles(boris, "harvest") == ["harvest"]
    groups.delete_group(group, by=anna)
    deliver()
    assert titles(User.objects.get(pk=boris.pk), "harvest") == []
    assert titles(anna, "harvest") == ["harvest"]


def test_what_was_found_is_marked_and_the_rest_is_only_text(as_person: Browser, anna: User) -> None:
    post(anna, "<script>alert(1)</script> & a harvest <b>bold</b>")
    deliver()
    (one,) = find(anna, Wanted("harvest"))
    assert "<mark>harvest</mark>" in one.headline
    for address in ("/search/?q=harvest", "/search/suggestions/?q=harvest"):
        page = as_person(anna).get(address).content.decode()
        assert "<script>alert" not in page
        assert "<mark>harvest</mark>" in page


def test_what_has_no_title_is_quoted_once(as_person: Browser, anna: User) -> None:
    post(anna, "We begin the harvest on Monday")
    deliver()
    page = as_person(anna).get("/search/?q=harvest").content.decode()
    assert page.count("begin the <mark>harvest</mark> on") == 1
    assert "begin the harvest on" not in page


def test_people_come_first_and_typos_are_forgiven(as_person: Browser, anna: User, boris: User) -> None:
    post(anna, "Boris was here")
    deliver()
    page = as_person(anna).get("/search/suggestions/?q=boris", headers=HTMX).content.decode()
    assert page.index(f"/employees/{boris.pk}/") < page.index("was here")
    assert "Test Boris" in as_person(anna).get("/search/?q=Borsi&kind=people").content.decode()


def test_of_what_is_found_it_is_said_who_wrote_it(as_person: Browser, anna: User, boris: User) -> None:
    add_comment(post(anna, "The harvest plan").thread, "The harvest is in", by=boris)
    deliver()
    page = as_person(anna).get("/search/?q=harvest").content.decode()
    (plan,) = (row for row in page.split("<li>") if "The <mark>harvest</mark> plan" in row)
    (answer,) = (row for row in page.split("<li>") if "The <mark>harvest</mark> is in" in row)
    assert ("Posts, Anna Test," in plan, "Boris Test" in plan) == (True, False)
    assert ("Comments, Boris Test," in answer, "Anna Test" in answer) == (True, False)


def test_nobody_is_guessed_where_something_is_called_so(as_person: Browser, anna: User, boris: User) -> None:
    """ "Borsi" may be Boris, until a post is about one."""
    for address in ("/search/?q=Borsi", "/search/suggestions/?q=Borsi"):
        assert f"/employees/{boris.pk}/" in as_person(anna).get(address).content.decode()
    post(anna, "The recipe of borsi")
    deliver()
    for address in ("/search/?q=Borsi", "/search/suggestions/?q=Borsi"):
        page = as_person(anna).get(address).content.decode()
        assert "The recipe of" in page
        assert f"/employees/{boris.pk}/" not in page


def test_what_is_older_than_the_period_is_left_out(anna: User) -> None:
    old, new = post(anna, "harvest of old"), post(anna, "harvest of now")
    Post.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    deliver()
    rebuild()
    assert titles(anna, "harvest", since=timezone.now() - timedelta(days=31)) == [new.text]


def test_what_a_service_that_is_off_holds_is_not_found(anna: User) -> None:
    post(anna, "harvest")
    assert titles(anna, "harvest")
    store({switch_of("feed"): False})
    assert not titles(anna, "harvest")


def documents(count: int, *, audiences: list[list[str]]) -> None:
    """Of two thirds of the rows nothing is known; a third holds the word «отчёт», a few hold «редкость»."""
    random = Random(1)
    now = timezone.now()
    words = ["склад", "машина", "договор", "повесть", "понедельник", "warehouse", "meeting", "report"]

    def rows() -> Any:
        for number in range(count):
            body = " ".join(random.choices(words, k=12))
            if number % 3 == 0:
                body += " отчет"
            if number % (count // 20) == 7:
                body += " редкость"
            audience = random.choice(audiences)
            at = now - timedelta(minutes=count - number)
            yield "feed.post", number + 10**6, "", body, f"/feed/{number}/", at, 0, audience, False

    fields = ("kind", "object_id", "title", "body", "url", "at", "generation", "audience", "is_private")
    copy_rows(Document, fields, rows())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE search_document")


def plans(reader: User, text: str, **wanted: Any) -> list[dict[str, Any]]:
    """What the database really did for a search: each node of each query's plan."""
    with CaptureQueriesContext(connection) as captured:
        find(reader, Wanted(text, **wanted))
    nodes: list[dict[str, Any]] = []
    for query in captured:
        if query["sql"].startswith("EXPLAIN"):
            continue  # This one only asks for an estimate.
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
            todo = [cursor.fetchone()[0][0]["Plan"]]
        while todo:
            node = todo.pop()
            nodes.append(node)
            todo += node.get("Plans", [])
    return [node for node in nodes if node.get("Relation Name") == "search_document"]


@pytest.mark.parametrize("text", ["отчет", "по", "редкость", "склад отч"])
@pytest.mark.parametrize("kind", ["", "feed.post"])
def test_every_search_is_answered_by_indexes_and_reads_a_bounded_part(
    text: str, kind: str, anna: User, erik: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bounds are made smaller with the table, which stands for one of a million rows.
    monkeypatch.setattr(queries, "WINDOW", 3000)
    monkeypatch.setattr(queries, "FEW", 200)
    monkeypatch.setattr(queries, "USUAL", 2000)
    guests = [[code_of(erik), "U99"]]
    documents(30_000, audiences=[[EVERYONE]] * 30 + guests)
    for reader in (anna, erik):
        nodes = plans(reader, text, kind=kind)
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
        read = [node["Actual Rows"] * node["Actual Loops"] for node in nodes]
        assert max(read) <= queries.WINDOW + 1, nodes


def test_a_common_word_is_ranked_among_the_newest_thousand(anna: User) -> None:
    documents(9000, audiences=[[EVERYONE]])
    found = find(anna, Wanted("отчет"), first=980, most=50)
    assert len(found) == 20
    newest = Document.objects.newest_first()[:3100].values_list("object_id", flat=True)
    assert {one.object_id for one in found} <= set(newest)


@pytest.mark.parametrize("address", ["/search/?q={q}", "/search/suggestions/?q={q}"])
def test_pages_ask_few_questions(address: str, as_person: Browser, anna: User) -> None:
    documents(3000, audiences=[[EVERYONE]])
    browser = as_person(anna)
    for text in ("отчет", "редкость", "по", "nothing-is-called-that"):
        browser.get(address.format(q=text))
        with CaptureQueriesContext(connection) as captured:
            browser.get(address.format(q=text))
        assert len(captured) <= MOST_QUERIES, [query["sql"][:200] for query in captured]


def test_results_go_on_page_by_page_each_once(as_person: Browser, anna: User) -> None:
    documents(150, audiences=[[EVERYONE]])
    browser, seen, page = as_person(anna), list[str](), 1
    while page:
        rows = browser.get(f"/search/?q=отчет&page={page}", headers=HTMX).content.decode()
        seen += [part.split('"')[0] for part in rows.split('<a href="/feed/')[1:]]
        page = page + 1 if f"page={page + 1}" in rows else 0
    assert len(seen) == len(set(seen)) == 50


@pytest.mark.parametrize("query", ["kind=nonsense", "period=never", "page=-1", "page=9999", "page=x"])
def test_what_the_address_asks_wrongly_is_as_if_it_were_not_asked(
    query: str, as_person: Browser, anna: User
) -> None:
    post(anna, "harvest")
    deliver()
    answer = as_person(anna).get(f"/search/?q=harvest&{query}")
    assert answer.status_code == 200
    assert b"harvest" in answer.content


@given(text=st.text(max_size=60))
def test_any_text_is_a_search(text: str) -> None:
    query, params = queries._query(Wanted(text).words or ["a"])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({query})::text", params)
