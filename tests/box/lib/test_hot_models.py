from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import FETCH_PEERS, Model
from django.db.models.signals import post_init, pre_init
from django.test.utils import CaptureQueriesContext

from box.core.accounts.models import Session, User
from box.core.accounts.sessions import SessionStore
from box.lib.hot_models import HotModel

HOT = [model for model in apps.get_models() if issubclass(model, HotModel)]


def as_django_reads(user: User) -> User:
    row = User.objects.filter(pk=user.pk).values().get()
    return Model.from_db.__func__(User, "default", list(row), list(row.values()))  # type: ignore[attr-defined,no-any-return]


@pytest.mark.django_db
def test_a_row_becomes_what_django_makes_of_it(anna: User) -> None:
    mine, djangos = User.objects.get(pk=anna.pk), as_django_reads(anna)
    assert {**vars(mine), "_state": None} == {**vars(djangos), "_state": None}
    assert (mine._state.adding, mine._state.db) == (djangos._state.adding, djangos._state.db)
    assert mine == djangos


@pytest.mark.django_db
def test_columns_that_were_left_out_are_read_when_they_are_asked_for(anna: User) -> None:
    found = User.objects.only("login").get(pk=anna.pk)
    assert "first_name" in found.get_deferred_fields()
    with CaptureQueriesContext(connection) as queries:
        assert (found.login, found.first_name) == (anna.login, "Anna")
    assert len(queries) == 1


@pytest.mark.django_db
def test_peers_are_read_together(anna: User, boris: User) -> None:
    people = list(User.objects.filter(pk__in=[anna.pk, boris.pk]).only("login").fetch_mode(FETCH_PEERS))
    with CaptureQueriesContext(connection) as queries:
        assert {one.first_name for one in people} == {"Anna", "Boris"}
    assert len(queries) == 1


@pytest.mark.django_db
def test_what_is_joined_comes_along_and_a_change_is_saved(anna: User) -> None:
    store = SessionStore()
    store["_auth_user_id"] = str(anna.pk)
    store.create()
    row = Session.objects.select_related("user").get(user=anna)
    with CaptureQueriesContext(connection) as queries:
        assert row.user == anna
    assert not queries
    row.expire_date = datetime(2027, 1, 1, tzinfo=UTC)
    row.save(update_fields=["expire_date"])
    assert Session.objects.get(pk=row.pk).expire_date.year == 2027
    row.user = None
    assert row.user_id is None


def test_nothing_of_a_hot_model_waits_for_an_init() -> None:
    assert len(HOT) > 8
    assert not [model for model in HOT if model.__init__ is not Model.__init__]
    listened = [model for model in HOT if pre_init.has_listeners(model) or post_init.has_listeners(model)]
    assert not listened
