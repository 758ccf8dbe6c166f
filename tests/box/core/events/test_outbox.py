from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone

from box.core.events import outbox
from box.core.events.delivery import (
    MANY,
    deliver_all,
    deliver_next,
    event_being_delivered,
    forget_old,
    wait_after,
)
from box.core.events.models import Delivery, Event, Nonce
from box.core.events.outbox import emit, emit_all, kind_of, on, restored, subscribe
from box.core.registry.origin import importing, moment


@dataclass(frozen=True)
class Rang:
    bell_id: int
    at: datetime
    on_day: date | None = None
    heard_by: tuple[int, ...] = ()


NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def subscriptions() -> Iterator[None]:
    """What a test subscribes is gone after it."""
    by_type, by_name = dict(outbox._by_type), dict(outbox._by_name)
    outbox._by_type.pop(Rang, None)
    yield
    outbox._by_type.clear()
    outbox._by_type.update(by_type)
    outbox._by_name.clear()
    outbox._by_name.update(by_name)


def test_an_event_comes_back_as_it_was_emitted() -> None:
    rang = Rang(7, NOON, date(2026, 5, 4), (1, 2))
    assert restored(Rang, outbox._serialised(rang)) == rang


def test_fields_of_a_later_version_are_left_out_and_missing_ones_get_their_default() -> None:
    assert restored(Rang, {"bell_id": 7, "at": NOON.isoformat(), "new_in_9": 1}) == Rang(7, NOON)


def test_a_room_names_its_events() -> None:
    from box.apps.feed.events import PostPublished

    assert kind_of(PostPublished) == "feed.PostPublished"


@pytest.mark.django_db(transaction=True)
def test_emitting_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        emit(Rang(1, NOON))


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_the_event_with_it(subscriptions: None) -> None:
    on(Rang)(lambda event: None)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        emit(Rang(1, NOON))
        raise ZeroDivisionError
    assert not Event.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_each_handler_hears_once(subscriptions: None) -> None:
    heard: list[str] = []

    @on(Rang)
    def one(event: Rang) -> None:
        heard.append(f"one {event.bell_id}")

    @on(Rang)
    def two(event: Rang) -> None:
        heard.append(f"two {event.bell_id}")

    emit(Rang(5, NOON))
    assert deliver_all() == 2
    assert deliver_all() == 0
    assert sorted(heard) == ["one 5", "two 5"]


@pytest.mark.django_db(transaction=True)
def test_all_who_hear_of_an_event_hear_in_one_transaction_and_who_fails_fails_alone(
    subscriptions: None,
) -> None:
    seen: list[int] = []

    def transaction_of_now() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            return int(cursor.fetchone()[0])

    @on(Rang)
    def first(event: Rang) -> None:
        Nonce.objects.create(actor_id=1, value="first")
        seen.append(transaction_of_now())

    @on(Rang)
    def cracked(event: Rang) -> None:
        Nonce.objects.create(actor_id=1, value="cracked")
        raise LookupError("the bell is cracked")

    @on(Rang)
    def last(event: Rang) -> None:
        Nonce.objects.create(actor_id=1, value="last")
        seen.append(transaction_of_now())

    with transaction.atomic():
        emit(Rang(1, NOON))
        emit(Rang(2, NOON))
    assert deliver_next(timezone.now()) == 3
    assert len(set(seen)) == 1
    assert sorted(Nonce.objects.values_list("value", flat=True)) == ["first", "last"]
    waiting = Delivery.objects.filter(event=Event.objects.earliest("id"), completed_at=None)
    assert [one.handler.rpartition(".")[2] for one in waiting] == ["cracked"]
    assert Delivery.objects.filter(completed_at=None).count() == 4, "of the other event nobody has heard"


@pytest.mark.django_db
def test_an_event_is_delivered_to_those_whom_it_concerns(subscriptions: None) -> None:
    for number in (1, 2):
        concerns = partial(_is_of_bell, number)
        subscribe(f"tests.bell-{number}", Rang, lambda event: None, concerns=concerns)
    emit(Rang(1, NOON))
    emit_all([Rang(2, NOON), Rang(3, NOON)])
    told = [(one.handler, one.event.payload["bell_id"]) for one in Delivery.objects.select_related("event")]
    assert sorted(told) == [("tests.bell-1", 1), ("tests.bell-2", 2)]


@pytest.mark.django_db
def test_what_a_version_before_has_stored_reaches_those_whom_it_concerns(subscriptions: None) -> None:
    heard: list[int] = []
    concerns = partial(_is_of_bell, 1)
    subscribe("tests.bell-1", Rang, lambda event: heard.append(event.bell_id), concerns=concerns)
    emit_all([Rang(1, NOON), Rang(2, NOON)])
    event = Event.objects.get(payload__bell_id=2)
    Delivery.objects.create(event=event, handler="tests.bell-1", due_at=event.created_at)
    deliver_all()
    assert heard == [1]
    assert not Delivery.objects.filter(completed_at=None).exists()


def _is_of_bell(number: int, event: Rang) -> bool:
    return event.bell_id == number


@pytest.mark.django_db
def test_what_only_tells_hears_nothing_of_what_is_taken_over(subscriptions: None) -> None:
    heard: list[tuple[str, int]] = []
    for name in ("tells", "follows"):
        handler = partial(lambda name, event: heard.append((name, event.bell_id)), name)
        subscribe(f"tests.{name}", Rang, handler, hears_imports=name == "follows")
    with importing(at=NOON):
        emit(Rang(1, NOON))
        emit_all([Rang(2, NOON)])
    emit(Rang(3, NOON))
    # A version before has stored one for it.
    event = Event.objects.get(payload__bell_id=1)
    Delivery.objects.create(event=event, handler="tests.tells", due_at=event.created_at)
    assert Delivery.objects.filter(handler="tests.tells").count() == 2
    deliver_all()
    assert sorted(heard) == [("follows", 1), ("follows", 2), ("follows", 3), ("tells", 3)]
    assert not Delivery.objects.filter(completed_at=None).exists()


@pytest.mark.django_db
def test_of_many_that_are_taken_over_each_happened_when_it_did(subscriptions: None) -> None:
    heard: dict[int, datetime] = {}
    subscribe("tests.clock", Rang, lambda event: heard.update({event.bell_id: moment()}))
    later = NOON + timedelta(days=1)
    with importing(at=NOON + timedelta(days=9)):
        emit_all([Rang(1, NOON), Rang(2, NOON)], taken_over=[NOON, later])
    assert [one.imported_at for one in Event.objects.order_by("pk")] == [NOON, later]
    deliver_all()
    assert heard == {1: NOON, 2: later}
    with pytest.raises(ValueError, match="argument 2"), importing(at=NOON):
        emit_all([Rang(1, NOON), Rang(2, NOON)], taken_over=[NOON])


class Belfry:
    """Hears of many at once; of bells that are cracked it falls ill."""

    def __init__(self, *cracked: int) -> None:
        self.heard: list[list[int]] = []
        self.cracked = set(cracked)

    def one(self, event: Rang) -> None:
        self.many([(event, event_being_delivered())])

    def many(self, told: Sequence[tuple[Rang, Event]]) -> None:
        assert all(row.payload["bell_id"] == event.bell_id for event, row in told)
        bells = [event.bell_id for event, _row in told]
        self.heard.append(bells)
        Nonce.objects.bulk_create(Nonce(actor_id=bell, value="heard") for bell in bells)
        if self.cracked & set(bells):
            raise LookupError("the bell is cracked")

    @property
    def bells(self) -> list[int]:
        """Of which what was heard is written down."""
        return sorted(Nonce.objects.values_list("actor_id", flat=True))


@pytest.mark.django_db
def test_what_is_taken_over_is_handed_over_by_the_hundred(subscriptions: None) -> None:
    belfry, clock = Belfry(), []
    subscribe("tests.belfry", Rang, belfry.one, handler_of_many=belfry.many)
    subscribe("tests.odd", Rang, lambda event: clock.append(event.bell_id), concerns=partial(_is_of_bell, 3))
    with importing(at=NOON):
        emit_all([Rang(bell, NOON) for bell in range(1, MANY + 6)])
    emit_all([Rang(1001, NOON), Rang(1002, NOON)])
    assert deliver_next(timezone.now()) == MANY
    assert [len(bells) for bells in belfry.heard] == [MANY]
    deliver_all()
    assert belfry.bells == [*range(1, MANY + 6), 1001, 1002], "each once"
    assert sorted(map(len, belfry.heard)) == [1, 1, 5, MANY], "what happens here is told at once, and alone"
    assert clock == [3]
    assert not Delivery.objects.filter(completed_at=None).exists()


@pytest.mark.django_db
def test_of_many_that_are_taken_over_what_fails_keeps_no_other(subscriptions: None) -> None:
    belfry = Belfry(2)
    concerns = partial(lambda odd, event: event.bell_id != odd, 4)
    subscribe("tests.belfry", Rang, belfry.one, handler_of_many=belfry.many)
    with importing(at=NOON):
        emit_all([Rang(bell, NOON) for bell in (1, 2, 3, 4)])
    # A version before has stored one that is not for it.
    outbox._by_name["tests.belfry"] = replace(outbox._by_name["tests.belfry"], concerns=concerns)
    deliver_all()
    assert belfry.heard == [[1, 2, 3], [1], [2], [3]]
    assert belfry.bells == [1, 3], "nothing of what has failed"
    (waiting,) = Delivery.objects.filter(completed_at=None).select_related("event")
    assert (waiting.event.payload["bell_id"], waiting.attempts) == (2, 1)
    belfry.cracked.clear()
    with importing(at=NOON):
        emit_all([Rang(5, NOON)])
    deliver_all(timezone.now() + timedelta(minutes=1))
    assert belfry.heard[4:] in ([[2], [5]], [[5], [2]]), "what has failed goes alone"
    assert belfry.bells == [1, 2, 3, 5]


@pytest.mark.django_db
def test_what_nobody_waits_for_is_not_delivered(subscriptions: None) -> None:
    is_wanted = [False]
    subscribe("tests.somebody", Rang, lambda event: None, is_wanted=lambda: is_wanted[0])
    emit(Rang(1, NOON))
    emit_all([Rang(2, NOON), Rang(3, NOON)])
    assert Event.objects.count() == 3
    assert not Delivery.objects.exists()
    is_wanted[0] = True
    emit(Rang(4, NOON))
    emit_all([Rang(5, NOON)])
    assert {one.event.payload["bell_id"] for one in Delivery.objects.select_related("event")} == {4, 5}


@pytest.mark.django_db
def test_a_failing_handler_is_tried_again_later_and_writes_nothing(subscriptions: None) -> None:
    fails = [True]

    @on(Rang)
    def sometimes(event: Rang) -> None:
        Nonce.objects.create(actor_id=1, value="written by the handler")
        if fails[0]:
            raise LookupError("the bell is cracked")

    emit(Rang(1, NOON))
    now = timezone.now()
    assert deliver_next(now)
    assert not deliver_next(now), "it waits"
    delivery = Delivery.objects.get()
    assert delivery.attempts == 1
    assert "the bell is cracked" in delivery.error
    assert not Nonce.objects.exists()
    fails[0] = False
    assert deliver_next(now + wait_after(1))
    assert Nonce.objects.count() == 1
    assert Delivery.objects.get().completed_at is not None


@pytest.mark.django_db
def test_a_handler_that_breaks_its_transaction_is_postponed_too(subscriptions: None) -> None:
    @on(Rang)
    def broken(event: Rang) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    emit(Rang(1, NOON))
    assert deliver_next(timezone.now())
    assert "division by zero" in Delivery.objects.get().error


@pytest.mark.django_db
def test_a_handler_that_is_gone_holds_nothing_up() -> None:
    event = Event.objects.create(kind="old.Thing", payload={})
    Delivery.objects.create(event=event, handler="box.old.handlers.react")
    assert deliver_all() == 1
    assert Delivery.objects.get().completed_at is not None


def test_waiting_grows_to_an_hour_and_no_further() -> None:
    waits = [wait_after(n) for n in range(1, 40)]
    assert waits[:3] == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)


@pytest.mark.django_db
def test_delivered_events_go_after_thirty_days_and_others_stay() -> None:
    now = timezone.now()
    old = now - timedelta(days=31)
    heard = Event.objects.create(kind="a.B", payload={}, created_at=old)
    Delivery.objects.create(event=heard, handler="x", completed_at=old)
    waiting = Event.objects.create(kind="a.B", payload={}, created_at=old)
    Delivery.objects.create(event=waiting, handler="x")
    young = Event.objects.create(kind="a.B", payload={}, created_at=now)
    forget_old(now)
    assert set(Event.objects.values_list("pk", flat=True)) == {waiting.pk, young.pk}


@pytest.mark.django_db
def test_what_is_due_is_found_by_its_index() -> None:
    event = Event.objects.create(kind="a.B", payload={})
    done = timezone.now()
    Delivery.objects.bulk_create(
        Delivery(event=event, handler="x", completed_at=done if n % 100 else None) for n in range(5000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_delivery")
    plan = Delivery.objects.due(done).order_by("due_at", "id")[:1].explain()
    assert "delivery_due" in plan
