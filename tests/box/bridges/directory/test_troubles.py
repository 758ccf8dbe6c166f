"""What is wrong with directories reaches those who connect them, once, and so does its end."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone, translation

from box.bridges.directory.models import Conflict, Connection, Cursor, Run
from box.bridges.directory.troubles import sentence, troubles
from box.console.access import DIRECTORY
from box.console.actions import tell_of
from box.console.alerts import CALM
from box.console.models import Subject
from box.console.notices import DIRECTORY_ILL, DIRECTORY_WELL
from box.core.access.actions import create_role, set_grantees
from box.core.notify.models import Notification
from box.core.notify.presenters import noticed

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def corp() -> Connection:
    return Connection.objects.create(
        name="Corp", is_on=True, is_confirmed=True, interval_minutes=15, changed_at=NOW
    )


def ran(connection: Connection, state: str, *, at: Any = NOW, **told: str) -> Run:
    return Run.objects.create(
        connection=connection, mode=Run.Mode.SYNC, state=state, asked_at=at, finished_at=at, **told
    )


def waits(connection: Connection, name: str, kind: str = "login", **more: Any) -> Conflict:
    return Conflict.objects.create(
        connection=connection, stable_id=name, kind=kind, dn=f"cn={name}", since=NOW, **more
    )


def said(now: Any = NOW) -> list[str]:
    return [sentence(one.kind, one.target, one.about) for one in troubles(now)]


def test_a_directory_that_is_well_is_no_trouble(corp: Connection) -> None:
    assert said() == []
    ran(corp, Run.State.DONE)
    waits(corp, "robot", "no_name")
    waits(corp, "unlinked", "apart", decision="apart")
    assert said(NOW + 59 * MINUTE) == []


@pytest.mark.parametrize("off", [{"is_on": False}, {"is_confirmed": False}])
def test_one_that_is_not_in_use_is_none_either(corp: Connection, off: dict[str, bool]) -> None:
    Connection.objects.update(**off)
    ran(corp, Run.State.FAILED, error="It is away.")
    waits(corp, "anna")
    assert said(NOW + timedelta(days=9)) == []


def test_failures_questions_conflicts_and_runs_that_are_late_are(corp: Connection) -> None:
    ran(corp, Run.State.FAILED, error="It is away.")
    assert said() == ["Corp cannot be read: It is away."]
    ran(corp, Run.State.RUNNING)
    assert said() == ["Corp cannot be read: It is away."]
    ran(corp, Run.State.ASKING, question="Is that right?")
    assert "waits for your answer" in said()[0]
    ran(corp, Run.State.DONE)
    waits(corp, "anna")
    waits(corp, "boris", "again")
    assert said() == ["Corp has 2 conflicts that you can resolve."]
    assert "was last read on" in said(NOW + 61 * MINUTE)[0]
    Connection.objects.update(interval_minutes=60)
    assert len(said(NOW + 61 * MINUTE)) == 1
    Connection.objects.update(interval_minutes=0)
    assert len(said(NOW + timedelta(days=9))) == 1


def test_those_who_connect_directories_hear_of_it_once_and_of_its_end(
    corp: Connection, olga: User, anna: User, boris: User
) -> None:
    role = create_role("Domains", [DIRECTORY], by=olga)
    set_grantees(role, [f"U{anna.pk}"], by=olga)
    conflict = waits(corp, "dora")
    for minute in range(3):
        tell_of(Subject.DIRECTORY, troubles(NOW), now=NOW + minute * MINUTE)
    kinds = Notification.objects.values_list("user__login", "kind")
    assert sorted(kinds) == sorted([(one.login, str(DIRECTORY_ILL)) for one in (olga, anna)])
    with translation.override("ru"):
        (shown,) = noticed(Notification.objects.filter(user=anna).select_related("actor"), reader=anna)
        assert "1 расхождение" in str(shown.sentence)
    conflict.delete()
    ran(corp, Run.State.DONE, at=NOW + 5 * MINUTE)
    for minute in (5, 6, 6 + CALM // MINUTE, 7 + CALM // MINUTE):
        tell_of(Subject.DIRECTORY, troubles(NOW), now=NOW + minute * MINUTE)
    assert Notification.objects.filter(kind=str(DIRECTORY_WELL), user=olga).count() == 1
    assert not Notification.objects.filter(user=boris).exists()


def test_boxctl_tells_a_line_each(corp: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    waits(corp, "anna")
    for command in ("troubles", "status"):
        call_command("directory", command)
        assert "! Corp has 1 conflict that you can resolve." in capsys.readouterr().out


def test_a_monitor_reads_the_troubles_and_how_old_what_was_read_is(
    corp: Connection, client: Client, settings: Any
) -> None:
    token = "a-token-that-root-has-made"
    settings.METRICS = {"networks": [], "token_sha256": hashlib.sha256(token.encode()).hexdigest()}
    now = timezone.now()
    ran(corp, Run.State.FAILED, at=now, error="It is away.")
    waits(corp, "anna")
    Cursor.objects.create(connection=corp, kind="usn", read_at=now - timedelta(minutes=5))
    Connection.objects.create(name="Off", is_confirmed=True, changed_at=NOW)

    def figures() -> dict[str, float]:
        cache.clear()
        told = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).content.decode()
        lines = [line for line in told.splitlines() if line.startswith("korobka_directory_")]
        return {name: float(value) for name, _space, value in (line.rpartition(" ") for line in lines)}

    found = figures()
    age = found.pop('korobka_directory_read_age_seconds{directory="Corp"}')
    assert 300 <= age < 400
    kinds = {"failing": 1, "asking": 0, "conflicts": 1, "late": 0}
    assert found == {f'korobka_directory_troubles{{kind="{kind}"}}': count for kind, count in kinds.items()}
    Connection.objects.update(is_on=False)
    assert set(figures().values()) == {0}
