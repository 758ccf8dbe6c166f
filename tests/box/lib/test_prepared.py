from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.notify.models import Notification
from box.core.structure.models import Department, Membership
from box.lib.prepared import Param, Prepared, PreparedInsert, PreparedModels, asked, at_once

NAMES = Prepared(
    lambda: (
        User.objects.filter(id__in_array=Param("ids"), is_extranet=False)
        .exclude(pk=Param("but", BigIntegerField()))
        .order_by("id")
        .values_list("id", "first_name")
    )
)


def test_it_answers_as_the_queryset_would(anna: User, boris: User, cara: User, erik: User) -> None:
    everybody = [person.pk for person in (anna, boris, cara, erik)]
    assert NAMES.rows(ids=everybody, but=cara.pk) == [(anna.pk, "Anna"), (boris.pk, "Boris")]
    assert NAMES.rows(ids=[cara.pk], but=anna.pk) == [(cara.pk, "Cara")]
    assert NAMES.rows(ids=[], but=anna.pk) == []


def test_what_is_given_is_a_value_and_never_part_of_the_query(anna: User) -> None:
    logins = Prepared(lambda: User.objects.filter(login=Param("login")).values_list("id"))
    assert logins.rows(login="' OR 1=1 --") == []
    assert logins.rows(login=anna.login) == [(anna.pk,)]


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(KeyError, match="but"):
        NAMES.rows(ids=[1])


def test_it_is_composed_once(anna: User) -> None:
    made: list[int] = []

    def make() -> object:
        made.append(1)
        return User.objects.filter(pk=Param("pk", BigIntegerField())).values_list("first_name")

    prepared = Prepared(make)  # type: ignore[arg-type]
    assert [prepared.rows(pk=anna.pk), prepared.rows(pk=0)] == [[("Anna",)], []]
    assert made == [1]


def kept_plans() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def test_the_server_keeps_the_plan_of_what_comes_again_and_of_nothing_else(anna: User) -> None:
    often = Prepared(lambda: User.objects.filter(login=Param("login")).values_list("id", "position"))
    models = PreparedModels(lambda: User.objects.filter(login=Param("login"), is_demo=False))
    for login in (anna.login, "nobody") * 4:
        often.rows(login=login)
        models.rows(login=login)
        at_once(asked(User.objects.filter(login=login).values_list("phone")))
    kept = [statement for statement in kept_plans() if '"login" = ($1)' in statement]
    assert len(kept) == 2
    assert sum("is_demo" in statement for statement in kept) == 1
    assert often.rows(login=anna.login) == [(anna.pk, anna.position)]
    assert [one.pk for one in models.rows(login=anna.login)] == [anna.pk]


def test_what_is_asked_of_one_key_is_planned_once_too(anna: User) -> None:
    places = Prepared(
        lambda: User.objects.filter(id__in_array=Param("ids"), is_demo=False).values_list("id", "city")
    )
    for _ in range(20):
        places.rows(ids=[anna.pk])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT custom_plans, generic_plans > 5 FROM pg_prepared_statements WHERE statement LIKE %s",
            ['%"city"%ANY%'],
        )
        assert cursor.fetchall() == [(0, True)]


def test_several_are_asked_at_once(
    anna: User, sales: Department, django_assert_num_queries: Callable[..., Any]
) -> None:
    names = Prepared(lambda: Department.objects.filter(id__in_array=Param("ids")).values_list("id", "name"))
    people = User.objects.filter(pk=anna.pk).values_list("joined_at", "pk", "is_extranet", "invited_at")
    with django_assert_num_queries(1):
        departments, nobody, found = at_once(
            names.asked(ids=[sales.pk]), names.asked(ids=[]), asked(people.filter(login__contains="%s"))
        )
    assert (departments, nobody, found) == ([[sales.pk, "Sales"]], [], [])
    (((joined_at, *facts),),) = at_once(asked(people))
    assert (datetime.fromisoformat(joined_at), facts) == (anna.joined_at, [anna.pk, False, None])


def test_nothing_costs_nothing(db: None, django_assert_num_queries: Callable[..., Any]) -> None:
    with django_assert_num_queries(0):
        assert at_once() == []


def test_models_come_with_what_they_join_and_annotate(
    anna: User, boris: User, sales: Department, django_assert_num_queries: Callable[..., Any]
) -> None:
    memberships = PreparedModels(
        lambda: (
            Membership.objects.filter(user=Param("user", BigIntegerField()))
            .select_related("user", "department")
            .annotate(asked=RawSQL("%s::text", [Param("word")]))
        )
    )
    # The second asks anew: nothing of the first is left in it.
    for person in (anna, boris):
        with django_assert_num_queries(1):
            (one,) = memberships.rows(user=person.pk, word=person.first_name)
            assert (one.user, one.department, one.asked) == (person, sales, person.first_name)  # type: ignore[attr-defined]
        assert one._state.db == "default"
        one.user.first_name = "somebody else"
    assert memberships.rows(user=0, word="") == []


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_by_its_own_connection(person: Callable[..., User]) -> None:
    people = PreparedModels(lambda: User.objects.filter(pk=Param("pk", BigIntegerField())))
    cast = [person(name) for name in ("Ada", "Bea", "Cid", "Dan")]

    def ask(one: User) -> list[User]:
        try:
            return [found for _ in range(20) for found in people.rows(pk=one.pk)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, cast)) == [[one] * 20 for one in cast]


NOTES = PreparedInsert(
    Notification,
    ("user", "kind", "about_kind", "about_id", "key", "created_at", "read_at"),
    skips_conflicts=True,
)
MOMENT = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)


def note(user: User, key: str, **fields: Any) -> tuple[Any, ...]:
    return (user.pk, fields.get("kind", "feed.post"), "feed.post", 7, key, MOMENT, fields.get("read_at"))


def test_rows_are_written_with_what_they_say_and_the_rest_by_the_database(anna: User, boris: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        NOTES.write([note(anna, "one", read_at=MOMENT), note(boris, "'); DROP TABLE x --")])
    assert len(asked) == 1
    assert list(Notification.objects.order_by("id").values_list("user", "key", "created_at", "read_at")) == [
        (anna.pk, "one", MOMENT, MOMENT),
        (boris.pk, "'); DROP TABLE x --", MOMENT, None),
    ]


def test_no_rows_are_no_statement(anna: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        NOTES.write([])
    assert len(asked) == 0


def test_a_row_that_is_there_is_passed_over(anna: User) -> None:
    NOTES.write([note(anna, "one", kind="first")])
    NOTES.write([note(anna, "one", kind="second"), note(anna, "two", kind="second")])
    assert dict(Notification.objects.values_list("key", "kind")) == {"one": "first", "two": "second"}


def test_a_row_that_is_there_becomes_the_new_one(anna: User) -> None:
    fields = "user", "kind", "about_kind", "about_id", "key", "created_at"
    replacing = PreparedInsert(Notification, fields, replaces=("user", "key"))
    replacing.write([note(anna, "one", kind="first")[:-1]])
    replacing.write([note(anna, "one", kind="second")[:-1]])
    assert dict(Notification.objects.values_list("key", "kind")) == {"one": "second"}


def test_without_a_word_about_conflicts_they_are_errors(anna: User) -> None:
    strict = PreparedInsert(Notification, ("user", "kind", "about_kind", "about_id", "key", "created_at"))
    strict.write([note(anna, "one")[:-1]])
    with pytest.raises(IntegrityError), transaction.atomic():
        strict.write([note(anna, "one")[:-1]])


def test_a_lazy_text_is_written_and_what_json_lacks_is_not(anna: User) -> None:
    NOTES.write([note(anna, "one", kind=gettext_lazy("plain"))])
    assert Notification.objects.get().kind == "plain"
    with pytest.raises(TypeError, match="bytes"):
        NOTES.write([note(anna, "two", kind=b"plain")])
