"""All administrators hear of what opens the backups, or sends them elsewhere, whoever did it and however."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import translation

from appliance.agent import proofs
from appliance.agent.answers import RecordedLine
from appliance.agent.codec import encode
from appliance.agent.protocol import (
    AddBackupTarget,
    AddKeyHolder,
    BeginRestore,
    Operation,
    RemoveBackupTarget,
    RemoveKeyHolder,
    RotateKeys,
)
from appliance.client import Agent, Unproven
from appliance.node import Node
from box.console.access import BACKUPS
from box.console.actions import tell_of_changes
from box.console.backups.changes import change_of
from box.console.jobs import take_over_page
from box.console.models import BackupChange
from box.console.notices import CHANGED
from box.core.access.actions import create_role, set_grantees
from box.core.accounts.actions import suspend_user
from box.core.notify.actions import Decision, decide
from box.core.notify.models import Notification, Preferences
from box.core.notify.presenters import noticed
from box.core.notify.topics import is_mailed, is_told, topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
Kind = BackupChange.Kind


def line(what: str | Operation[Any], *, by: str = "olga (console)", key: str = "k") -> RecordedLine:
    if isinstance(what, str):
        return RecordedLine(key, NOW, by, what)
    return RecordedLine(key, NOW, by, type(what).__name__, json.dumps(encode(what)))


@pytest.mark.parametrize(
    ("what", "change"),
    [
        (AddBackupTarget("folder", "/mnt/backup"), (Kind.TARGET, "/mnt/backup")),
        (
            AddBackupTarget("s3", "korobka", "https://s3.example.org", "theirs"),
            (Kind.TARGET, "https://s3.example.org theirs korobka"),
        ),
        (AddKeyHolder("boris"), (Kind.HOLDER, "boris")),
        (RotateKeys("boris"), (Kind.ROTATION, "boris")),
        (BeginRestore("disk"), (Kind.RESTORE, "disk")),
        ("backup setup disk", (Kind.TARGET, "disk")),
        ("backup key add boris", (Kind.HOLDER, "boris")),
        ("backup key rotate boris", (Kind.ROTATION, "boris")),
        ("backup: restore {'target': 'disk', 'set': ''}", (Kind.RESTORE, "disk")),
        (RemoveBackupTarget("disk"), (Kind.NO_TARGET, "disk")),
        (RemoveKeyHolder("boris"), (Kind.NO_HOLDER, "boris")),
        ("backup setup disk --remove", (Kind.NO_TARGET, "disk")),
        ("backup key remove boris", (Kind.NO_HOLDER, "boris")),
        ("backup key confirm boris", None),
        ("backup: backup {'kind': 'full', 'targets': []}", None),
        ("wrong proof to hand out a recovery key to 'boris'", None),
        ("backup code", None),
    ],
)
def test_of_the_agents_record_this_is_told(what: Any, change: tuple[Kind, str] | None) -> None:
    assert change_of(line(what)) == change


def test_every_administrator_hears_of_it_once_and_nobody_else(
    olga: User, boris: User, cara: User, person: Callable[..., User]
) -> None:
    boris.is_administrator = True
    boris.save(update_fields=["is_administrator"])
    oscar = person("Oscar", is_administrator=True)
    suspend_user(oscar, by=olga)
    role = create_role("Keepers of backups", {BACKUPS: "all"}, by=olga)
    set_grantees(role, [f"U{cara.pk}"], by=olga)
    for _ in range(2):
        tell_of_changes([line(AddKeyHolder("eve"), by="cara (console)"), line("restart web", key="other")])
    told = Notification.objects.filter(kind=CHANGED.kind)
    assert {one.user for one in told} == {olga, boris}
    assert len(told) == 2
    (shown,) = noticed(told.filter(user=olga), reader=olga)
    assert "cara (console): a recovery key, eve" in str(shown.sentence)


def test_nobody_turns_it_off(olga: User) -> None:
    """Who has taken over somebody's session would be the first to."""
    topic = CHANGED.topic
    assert topic not in topics()
    decide(olga, Decision(hidden=frozenset({topic.key}), mailed=frozenset()))
    preferences = Preferences.objects.get(user=olga)
    preferences.unmailed = [topic.key]
    preferences.save()
    assert is_told(preferences, topic) and is_mailed(preferences, topic)
    tell_of_changes([line(AddKeyHolder("eve"))])
    assert Notification.objects.filter(kind=CHANGED.kind, user=olga).exists()


def test_what_cannot_be_shown_stops_nothing(olga: User) -> None:
    tell_of_changes([line(AddKeyHolder("e\x00ve\n" + "x" * 1000), by="\x00o" * 500)])
    (change,) = BackupChange.objects.all()
    assert change.about.startswith("evex")


def test_it_is_told_in_the_readers_language(olga: User) -> None:
    tell_of_changes([line("backup key rotate boris", by="root (root)")])
    with translation.override("ru"):
        (shown,) = noticed(Notification.objects.filter(kind=CHANGED.kind), reader=olga)
        assert "новый ключ" in str(shown.sentence)


def test_what_was_not_proven_is_not_told_and_what_was_is(olga: User, agent: Node) -> None:
    """From the agent's own record, so that whoever asks it without the console's pages is told of too."""
    asked = AddBackupTarget("folder", "/nowhere/at/all")
    client = Agent(agent.run("agent") / "agent.sock")
    with pytest.raises(Unproven):
        client.ask(asked, by="eve")
    while take_over_page():
        pass
    assert not BackupChange.objects.filter(about="/nowhere/at/all").exists()
    with pytest.raises(Exception, match="There is no folder"):
        client.ask(asked, by="eve", proof=proofs.first_code(agent.paths))
    while take_over_page():
        pass
    assert BackupChange.objects.get(about="/nowhere/at/all").by == "eve (console)"
    assert Notification.objects.filter(kind=CHANGED.kind, user=olga).exists()
