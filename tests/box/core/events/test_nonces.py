from __future__ import annotations

import threading
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from box.core.events.models import Event, Nonce
from box.core.events.nonces import once

NONCE = str(uuid.UUID(int=7))


def _act() -> Event:
    return Event.objects.create(kind="a.B", payload={})


@pytest.mark.django_db
def test_the_same_nonce_of_the_same_person_acts_once() -> None:
    first = once(Event, _act, nonce=NONCE, actor_id=1)
    assert once(Event, _act, nonce=NONCE, actor_id=1) == first
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_another_person_with_the_same_nonce_acts() -> None:
    once(Event, _act, nonce=NONCE, actor_id=1)
    once(Event, _act, nonce=NONCE, actor_id=2)
    assert Event.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("nonce", ["", "short", "x" * 65, "with\x00nothing", "not of ours!"])
def test_a_form_without_its_nonce_is_refused(nonce: str) -> None:
    with pytest.raises(ValidationError):
        once(Event, _act, nonce=nonce, actor_id=1)
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_a_nonce_of_another_form_shows_nothing_of_its_result() -> None:
    once(Event, _act, nonce=NONCE, actor_id=1)
    with pytest.raises(ValidationError):
        once(Nonce, lambda: pytest.fail("it must not act"), nonce=NONCE, actor_id=1)


@pytest.mark.django_db
def test_what_was_deleted_since_is_not_made_again() -> None:
    once(Event, _act, nonce=NONCE, actor_id=1).delete()
    with pytest.raises(ValidationError, match="deleted since"):
        once(Event, _act, nonce=NONCE, actor_id=1)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_failed_action_frees_its_nonce() -> None:
    def fail() -> Event:
        raise ValidationError("no")

    with pytest.raises(ValidationError):
        once(Event, fail, nonce=NONCE, actor_id=1)
    assert not Nonce.objects.exists()
    once(Event, _act, nonce=NONCE, actor_id=1)


@pytest.mark.django_db(transaction=True)
def test_the_same_form_posted_at_once_by_many_acts_once() -> None:
    start = threading.Barrier(6)
    results: list[int] = []

    def post() -> None:
        start.wait()
        try:
            results.append(once(Event, _act, nonce=NONCE, actor_id=1).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert len(set(results)) == 1
    assert Event.objects.count() == 1
