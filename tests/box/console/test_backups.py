"""The console's page about backups, beside a real agent; what it shows is what the backup noted."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone, translation

from appliance.agent import proofs, search_results
from appliance.agent.answers import (
    BackupPlan,
    BackupSetState,
    BackupState,
    BackupTargetState,
    BackupTrouble,
    BackupWarning,
    DrillCheck,
    DrillReport,
    FoundThing,
    FoundThings,
    KeyHolder,
    TimeLineGap,
)
from appliance.agent.codec import encode
from appliance.agent.journal import Journal
from appliance.client import (
    AddKeyHolder,
    Agent,
    BeginRestore,
    ListOperations,
    ReadBackups,
    ReadOperation,
    Unproven,
)
from appliance.files import write_atomically
from appliance.node import Node
from backup import sets, settings, state_file
from backup.keys import KeyRing, MasterKey, RecoveryKey
from backup.settings import Holder, Settings, Target
from box.console.backups.forms import TARGETS
from box.console.backups.presenters import if_it_burned, sentence, time_line
from box.core.accounts.models import User
from box.core.registry.models import StoredSetting
from tests.appliance.boxes import agent_of, proof_of, wait_until
from tests.backup.made_up import a_set

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """By the machine's clock, for the agent goes by that: what was noted ten minutes ago it calls silent."""
    return datetime.now(UTC).replace(microsecond=0)


def note(
    node: Node,
    *warnings: BackupWarning,
    at: datetime | None = None,
    gaps: tuple[TimeLineGap, ...] = (),
    drills: tuple[DrillReport, ...] = (),
    locked_days: int = 0,
    has_sets: bool = True,
) -> None:
    """What a backup that is set up has noted of itself, just now or at another moment."""
    now = datetime.now(UTC).replace(microsecond=0) if at is None else at
    write_atomically(node.paths.backup / "backup.json", '{"targets": [{"name": "disk"}]}', mode=0o600)
    made = BackupSetState(
        "20261124-110000F", "disk", "full", now - timedelta(hours=1), 50 << 20, 5 << 20, 1, 7 << 20,
        began_at=now - timedelta(hours=1, minutes=1, seconds=5), files_more=-2, file_bytes_more=-1000,
    )  # fmt: skip
    damaged = BackupSetState(
        "20261123-110000F", "disk", "full", now - timedelta(days=1), 50 << 20, 5 << 20, 3, 7 << 20,
        problem="1 of its files is missing.",
    )  # fmt: skip
    state = BackupState(
        now,
        BackupPlan("02:00", 24, 7, 3, 7, 4, 6, now + timedelta(hours=11)),
        (
            BackupTargetState(
                "disk",
                "/mnt/backup",
                now if has_sets else None,
                (),
                warnings=warnings,
                gaps=gaps,
                locked_days=locked_days,
            ),
        ),
        (made, damaged) if has_sets else (),
        (KeyHolder("first", now, False, (2, 7)), KeyHolder("boris", now, True, (2, 7))),
        drills,
    )
    write_atomically(node.data("backup") / "state.json", json.dumps(encode(state)), mode=0o600)


def test_without_backups_the_page_leads_to_setting_them_up(
    as_person: Browser, olga: User, agent: Node
) -> None:
    browser = as_person(olga)
    assert "/console/backups/targets/new/" in browser.get("/console/backups/").content.decode()
    refused = browser.post("/console/backups/new/").content.decode()
    assert "Backups are not set up" in refused
    for path in ("plan/", "keys/"):
        assert "Choose where they go first." in browser.get(f"/console/backups/{path}").content.decode()


def test_sets_targets_and_what_is_wrong_are_shown(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent)
    page = as_person(olga).get("/console/backups/").content.decode()
    for words in (
        "/mnt/backup",
        "1 min 5 s",
        "all is well",
        "1 of its files is missing.",
        "damaged",
        "\N{MINUS SIGN}2 files",
    ):
        assert words in page
    part = as_person(olga).get("/console/backups/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="backups"')
    assert "1 min 5 s" in part
    note(agent, BackupWarning("late", "disk"), BackupWarning("failing", "disk", details="No space left."))
    page = as_person(olga).get("/console/backups/").content.decode()
    for words in ("needs you", "older than the schedule allows", "The last backup failed.", "No space left."):
        assert words in page


def test_every_trouble_is_told_in_the_readers_language(as_person: Browser, olga: User, agent: Node) -> None:
    olga.language = "ru"
    olga.save(update_fields=["language"])
    kinds = typing.get_args(BackupTrouble.__value__)
    note(agent, *(BackupWarning(kind, "disk") for kind in kinds))
    page = as_person(olga).get("/console/backups/").content.decode()
    for kind in kinds:
        assert sentence(BackupWarning(kind, "disk")) not in page
    with translation.override("ru"):
        for kind in kinds:
            assert sentence(BackupWarning(kind, "disk")) in page


def test_a_gap_in_the_time_line_is_drawn(as_person: Browser, olga: User, agent: Node, now: datetime) -> None:
    note(agent, at=now, gaps=(TimeLineGap(now - timedelta(minutes=30), now - timedelta(minutes=15)),))
    page = as_person(olga).get("/console/backups/").content.decode()
    assert '<rect class="gap" x="500" y="8" width="250"' in page
    assert "Gap from" in page
    assert ", except in the gaps of the time line." in page


def test_the_page_claims_what_a_set_proves(
    as_person: Browser, olga: User, agent: Node, now: datetime
) -> None:
    moments = [timezone.localtime(at).isoformat() for at in (now - timedelta(hours=1), now)]
    note(agent, at=now)
    page = as_person(olga).get("/console/backups/").content.decode()
    claim = page.partition("brought back to any moment")[2].partition("</p>")[0]
    assert re.findall(r'datetime="([^"]+)"', claim) == moments
    assert "gaps" not in claim
    note(agent, at=now, has_sets=False)
    assert "brought back to any moment" not in as_person(olga).get("/console/backups/").content.decode()


def test_a_target_that_locks_says_for_how_long(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent)
    assert "is locked for" not in as_person(olga).get("/console/backups/").content.decode()
    note(agent, locked_days=30)
    assert "is locked for 30 days" in as_person(olga).get("/console/backups/").content.decode()


def test_where_nobody_notes_anything_any_more_that_is_said(
    as_person: Browser, olga: User, agent: Node, now: datetime
) -> None:
    note(agent, at=now - timedelta(minutes=20))
    page = as_person(olga).get("/console/backups/").content.decode()
    assert "has said nothing for a while" in page


def test_a_form_asks_at_most_eight_things_and_the_second_target_only_where(
    as_person: Browser, olga: User, agent: Node
) -> None:
    for kind, form in TARGETS.items():
        assert len([name for name in form(is_first=True).fields if name != "proof"]) <= 8
        page = as_person(olga).get(f"/console/backups/targets/new/?kind={kind}").content.decode()
        assert 'name="keep"' in page
    note(agent)
    page = as_person(olga).get("/console/backups/targets/new/").content.decode()
    assert 'name="keep"' not in page
    assert as_person(olga).get("/console/backups/targets/new/?kind=tape").status_code == 404


def test_what_is_wrong_with_a_target_is_said_at_the_form(as_person: Browser, olga: User, agent: Node) -> None:
    browser = as_person(olga)
    times = {"at": "02:00", "every": "24", "keep": "half"}
    answer = browser.post("/console/backups/targets/new/", {"path": "mnt/backup", **times})
    assert (answer.status_code, "from the first slash on" in answer.content.decode()) == (422, True)
    times["proof"] = proofs.first_code(agent.paths)
    answer = browser.post("/console/backups/targets/new/", {"path": "/nowhere/at/all", **times})
    assert (answer.status_code, "There is no folder" in answer.content.decode()) == (422, True)
    store = {
        "endpoint": "http://localhost",
        "bucket": "b",
        "access_key": "a",
        "secret_key": "never shown",
    }
    answer = browser.post("/console/backups/targets/new/?kind=s3", {**store, **times})
    assert "must speak TLS" in answer.content.decode()
    assert "never shown" not in answer.content.decode()
    assert not (agent.paths.backup / "backup.json").exists()


def test_no_line_break_reaches_the_machine_from_a_form(as_person: Browser, olga: User, agent: Node) -> None:
    """It would be a line of pgBackRest's configuration, and some of these are programs to run."""
    browser = as_person(olga)
    times = {"at": "02:00", "every": "24", "keep": "half"}
    evil = "never shown\ncmd-ssh=/tmp/evil"
    store = {"endpoint": "https://localhost:1", "bucket": "b", "access_key": "a", "secret_key": evil}
    answer = browser.post("/console/backups/targets/new/?kind=s3", {**store, **times})
    page = answer.content.decode()
    assert (answer.status_code, "AddBackupTarget.secret_key has a control character" in page) == (422, True)
    assert "never shown" not in page
    answer = browser.post("/console/backups/targets/new/", {"path": "/mnt/a\nExecStartPre=+/b", **times})
    assert (answer.status_code, "on one line" in answer.content.decode()) == (422, True)
    assert not (agent.paths.backup / "backup.json").exists()
    assert not (agent.paths.backup / "pgbackrest.conf").exists()


def test_what_will_be_kept_is_drawn_before_it_is_saved(as_person: Browser, olga: User, agent: Node) -> None:
    browser = as_person(olga)
    short = {"at": "02:00", "every": "24", "keep": "fortnight"}
    page = browser.get("/console/backups/calendar/", short).content.decode()
    assert "Of 366 backups these" in page
    assert '<rect class="kept' in page
    exact: dict[str, str | int] = {
        "at": "02:00", "every": "24", "full_every_days": 7,
        "keep_last": 1, "keep_days": 0, "keep_weeks": 0, "keep_months": 12,
    }  # fmt: skip
    longer = browser.get("/console/backups/calendar/", exact).content.decode()
    assert longer.count('class="kept-month"') > page.count('class="kept-month"')
    assert (
        "Of 366" not in browser.get("/console/backups/calendar/", {**exact, "keep_last": 0}).content.decode()
    )


def test_holders_of_keys_are_named_and_a_key_is_confirmed_from_paper(
    as_person: Browser, olga: User, agent: Node
) -> None:
    note(agent)
    browser = as_person(olga)
    page = browser.get("/console/backups/keys/").content.decode()
    assert "/console/backups/keys/first/confirmation/" in page
    assert "/console/backups/keys/boris/confirmation/" not in page
    page = browser.get("/console/backups/keys/first/confirmation/").content.decode()
    assert "Group 2" in page and "Group 7" in page
    assert browser.get("/console/backups/keys/cara/confirmation/").status_code == 404
    assert browser.post("/console/backups/keys/", {"name": ""}).status_code == 422
    # Whoever held one may have kept what it opens.
    assert "/console/backups/key-rotation/" in browser.get("/console/backups/keys/").content.decode()
    page = browser.get("/console/backups/key-rotation/").content.decode()
    assert "Whoever has opened the older backups" in page
    assert browser.post("/console/backups/key-rotation/", {"name": ""}).status_code == 422


def test_what_is_dangerous_asks_for_the_password_again(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent)
    browser = as_person(olga)
    session = browser.session
    del session["proven_at"]
    session.save()
    for path in ("targets/new/", "plan/", "keys/", "targets/disk/removal/", "keys/boris/removal/"):
        answer = browser.get(f"/console/backups/{path}")
        assert answer.headers["Location"].startswith("/profile/proof/"), answer.headers


def test_a_target_or_a_key_is_taken_away_with_a_proof_alone(
    as_person: Browser, olga: User, agent: Node
) -> None:
    note(agent)
    for path, subject in (
        ("targets/disk/removal/", "send no backups to 'disk' any more"),
        ("keys/boris/removal/", "let the recovery key of 'boris' open nothing any more"),
    ):
        answer = as_person(olga).post(f"/console/backups/{path}", {"proof": ""})
        assert answer.status_code == 422
        assert "on the machine shows it now." in answer.content.decode()
        assert subject in {one.subject for one in proofs.wanted(agent.paths)}


def test_the_form_says_where_the_proof_is_found_in_both_languages(
    as_person: Browser, olga: User, agent: Node
) -> None:
    browser = as_person(olga)
    page = browser.get("/console/backups/targets/new/").content.decode()
    assert "The installer showed it at its end." in page
    note(agent)
    for path in (
        "targets/new/", "keys/", "key-rotation/", "targets/disk/removal/", "keys/boris/removal/",
    ):  # fmt: skip
        page = browser.get(f"/console/backups/{path}").content.decode()
        assert page.count('name="proof"') == 1
        assert "Leave it empty first." in page
    holders = {"targets": [{"name": "disk"}], "holders": [{"id": "f1", "name": "first"}]}
    (agent.paths.backup / "backup.json").write_text(json.dumps(holders))
    proofs.admit(agent.paths, "f1", {(3, 6): "ABCDEFGHJK"})
    page = browser.get("/console/backups/keys/").content.decode()
    assert "groups 3 and 6 of the recovery key of first" in page
    olga.language = "ru"
    olga.save(update_fields=["language"])
    page = browser.get("/console/backups/keys/").content.decode()
    assert "группы 3 и 6 ключа восстановления" in page
    assert "of the recovery key of" not in page


def test_without_the_proof_and_with_a_wrong_one_the_form_says_what_to_do(
    as_person: Browser, olga: User, agent: Node
) -> None:
    note(agent)
    proofs.open_again(agent.paths)
    browser = as_person(olga)
    for path in ("keys/", "key-rotation/"):
        for typed, words in (
            ("", "Type it: `sudo boxctl backup code`"),
            ("AAAAA-AAAAA", "That is not it."),
            ("A" * 41, "at most 40"),
        ):
            answer = browser.post(f"/console/backups/{path}", {"name": "boris", "proof": typed})
            assert (answer.status_code, words in answer.content.decode()) == (422, True), (path, typed)
    for number in range(proofs.WRONG_IN_A_ROW):
        answer = browser.post("/console/backups/keys/", {"name": "boris", "proof": f"AAAAA-AAAA{number}"})
    answer = browser.post("/console/backups/keys/", {"name": "boris", "proof": "AAAAA-AAAAA"})
    assert "none is looked at for a quarter of an hour" in answer.content.decode()
    proofs.open_again(agent.paths)


def test_with_the_password_alone_no_right_gets_a_key(as_person: Browser, olga: User, agent: Node) -> None:
    """The console asks on behalf of whom it says: that must not be enough."""
    note(agent)
    with pytest.raises(Unproven):
        Agent(agent.run("agent") / "agent.sock").ask(AddKeyHolder("boris"), by=olga.login)


def test_a_backup_is_begun_with_who_asked_for_it(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent)
    browser = as_person(olga)
    assert browser.post("/console/backups/new/").headers["Location"] == "/console/backups/"
    state = agent_of(agent).ask(ListOperations()).operations[0]
    assert (state.kind, state.asked_by) == ("backup", olga.login)
    assert olga.login in browser.get("/console/backups/").content.decode()


def test_a_target_that_there_is_not_is_refused(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent)
    answer = as_person(olga).post("/console/backups/verification/", {"target": "nowhere"})
    assert "No backups go to" in answer.content.decode()


def test_for_others_there_are_no_such_pages(as_person: Browser, anna: User, agent: Node) -> None:
    note(agent)
    browser = as_person(anna)
    for path in ("", "sets/", "targets/new/", "plan/", "calendar/", "keys/", "keys/first/confirmation/"):
        assert browser.get(f"/console/backups/{path}").status_code == 404
    assert browser.post("/console/backups/new/").status_code == 404
    assert browser.post("/console/backups/verification/", {"target": "disk"}).status_code == 404


def test_on_the_page_about_health_it_is_said_too(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent, BackupWarning("late", "disk"))
    page = as_person(olga).get("/console/").content.decode()
    assert "disk: The newest backup is older than the schedule allows." in page
    assert 'href="/console/backups/">Look after backups</a>' in page


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "part"])
def test_without_backups_and_without_sets_there_is_a_page_and_a_part(
    as_person: Browser, olga: User, agent: Node, headers: dict[str, str]
) -> None:
    browser = as_person(olga)
    for path in ("", "sets/", "calendar/"):
        assert browser.get(f"/console/backups/{path}", headers=headers).status_code == 200


def test_before_the_box_is_brought_back_the_page_says_what_is_lost(
    as_person: Browser, olga: User, agent: Node, now: datetime
) -> None:
    browser = as_person(olga)
    assert "There is nothing yet" in browser.get("/console/backups/restore/").content.decode()
    note(agent)
    address = "/console/backups/restore/"
    page = browser.get(address, {"target": "disk", "to": "end"}).content.decode()
    assert "What will happen" in page
    half_past = timezone.localtime(now - timedelta(minutes=30))
    chosen = {"target": "disk", "to": "moment", "moment": f"{half_past:%Y-%m-%dT%H:%M:%S}"}
    page = browser.get(address, chosen).content.decode()
    assert "20261124-110000F" in page
    assert "what people did in the 3" in page


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"to": "moment", "moment": "2020-01-01T12:00"}, "The time line begins"),
        ({"to": "moment", "moment": "2096-01-01T12:00"}, "The time line ends"),
        ({"to": "moment"}, "Choose a moment."),
        ({"to": "set"}, "Choose a backup."),
        ({"to": "set", "set": "20261123-110000F@disk"}, "Select a valid choice"),
    ],
)
def test_a_moment_that_is_not_there_is_refused(
    as_person: Browser, olga: User, agent: Node, chosen: dict[str, str], words: str
) -> None:
    note(agent)
    page = as_person(olga).get("/console/backups/restore/", {"target": "disk", **chosen}).content.decode()
    assert words in page
    assert "What will happen" not in page


def test_a_moment_in_a_gap_is_refused(as_person: Browser, olga: User, agent: Node, now: datetime) -> None:
    note(agent, at=now, gaps=(TimeLineGap(now - timedelta(minutes=40), now - timedelta(minutes=20)),))
    within = timezone.localtime(now - timedelta(minutes=30))
    chosen = {"target": "disk", "to": "moment", "moment": f"{within:%Y-%m-%dT%H:%M:%S}"}
    page = as_person(olga).get("/console/backups/restore/", chosen).content.decode()
    assert "lies in a gap" in page


def note_many(node: Node, count: int) -> list[BackupSetState]:
    """As many sets as an hour's schedule keeps; what the backup notes, and what it remembers of each."""
    key = RecoveryKey.new()
    ring, holder = KeyRing().with_holder(MasterKey.new(), key, on=date(2026, 11, 1))
    target = Target(1, "disk", "folder", "/mnt/backup")
    holders = (Holder(holder, "first", MIDNIGHT, key.confirmation),)
    settings.save(node.paths, Settings("00" * 32, ring.dump(), holders, (target,)))
    for number in range(count):
        at = MIDNIGHT + timedelta(hours=number)
        one = a_set(label=f"{at:%Y%m%d-%H%M%S}F", began_at=at, ended_at=at + timedelta(minutes=1))
        write_atomically(
            sets.folder_of(node, target) / f"{one.label}.json", json.dumps(encode(one)), mode=0o600
        )
    everything = state_file.history(node, settings.load(node.paths))
    shown = tuple(state_file.some(everything))
    disk = BackupTargetState("disk", "/mnt/backup", everything[0].ended_at, (), sets=count)
    plan = BackupPlan("02:00", 1, 7, 3, 7, 4, 6, MIDNIGHT)
    state = BackupState(datetime.now(UTC), plan, (disk,), shown, more=count - len(shown))
    write_atomically(node.data("backup") / "state.json", json.dumps(encode(state)), mode=0o600)
    return everything


def test_of_many_backups_every_one_can_be_chosen(
    as_person: Browser, anna: User, olga: User, agent: Node
) -> None:
    """Of hourly ones that stay for half a year there are hundreds: the time line begins where it begins."""
    everything = note_many(agent, 450)
    assert len(json.loads((agent.data("backup") / "state.json").read_text())["sets"]) < 250
    browser = as_person(olga)
    # One that is not among what every page is told, and the oldest.
    told = {one.label for one in agent_of(agent).ask(ReadBackups()).sets}
    (*_, unheard) = [one for one in everything if one.label not in told]
    oldest = everything[-1]
    for one in (unheard, oldest):
        for chosen in (
            {"to": "set", "set": f"{one.label}@disk"},
            {
                "to": "moment",
                "moment": f"{timezone.localtime(one.ended_at + timedelta(minutes=5)):%Y-%m-%dT%H:%M:%S}",
            },
        ):
            page = browser.get("/console/backups/restore/", {"target": "disk", **chosen}).text
            assert one.label in page
            assert "What will happen" in page
        assert f"{one.label}@disk" in browser.get("/console/backups/searches/").text
    before = timezone.localtime(oldest.ended_at - timedelta(minutes=5))
    chosen = {"target": "disk", "to": "moment", "moment": f"{before:%Y-%m-%dT%H:%M:%S}"}
    assert "The time line begins at" in browser.get("/console/backups/restore/", chosen).text
    # Its picture begins there too, though it does not show each of them.
    line = time_line(BackupTargetState("disk", "", None, ()), agent_of(agent).ask(ReadBackups()).sets)
    assert line
    assert (line.begins, line.ends) == (oldest.ended_at, everything[0].ended_at)


def test_a_restore_takes_the_password_and_the_word(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent)
    olga.set_password("a word of olga's own")
    olga.save()
    browser, address = as_person(olga), "/console/backups/restore/?target=disk&to=end"
    for typed, words in (
        ({"password": "a word of olga's own", "word": "yes"}, "Type the word as it stands there"),
        ({"password": "somebody else's", "word": "restore"}, "This is not your password"),
    ):
        answer = browser.post(address, typed)
        assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert "restore" not in {one.kind for one in agent_of(agent).ask(ListOperations()).operations}
    typed = {"password": "a word of olga's own", "word": "restore"}
    answer = browser.post(address, typed)
    assert (answer.status_code, "Type it: `sudo boxctl backup code`" in answer.content.decode()) == (
        422,
        True,
    )
    assert "restore" not in {one.kind for one in agent_of(agent).ask(ListOperations()).operations}
    typed["proof"] = proof_of(agent, BeginRestore("disk", with_safety=False))
    assert browser.post(address, typed).headers["Location"] == "/console/backups/"
    begun = next(one for one in agent_of(agent).ask(ListOperations()).operations if one.kind == "restore")
    assert begun.asked_by == olga.login
    wait_until(lambda: agent_of(agent).ask(ReadOperation(begun.id)).state == "failed")


def test_the_report_of_a_drill_is_shown(as_person: Browser, olga: User, agent: Node, now: datetime) -> None:
    note(agent)
    browser = as_person(olga)
    assert "No drill yet" in browser.get("/console/backups/drills/").content.decode()
    checks = (DrillCheck("rows", 5, 5), DrillCheck("sign-in", problem="It answers 500."))
    report = DrillReport(now - timedelta(minutes=3), now, "disk", "20261124-110000F", checks, is_sample=True)
    note(agent, drills=(report,))
    page = browser.get("/console/backups/drills/").content.decode()
    for words in (
        "something was wrong",
        "It answers 500.",
        "5 of 5",
        "sample of the files only",
        "3 min 0 s",
    ):
        assert words in page
    assert browser.post("/console/backups/drills/").headers["Location"] == "/console/backups/"
    begun = agent_of(agent).ask(ListOperations()).operations[0]
    assert (begun.kind, begun.asked_by) == ("drill", olga.login)
    wait_until(lambda: agent_of(agent).ask(ReadOperation(begun.id)).state == "failed")


def test_one_thing_is_looked_for_in_a_backup(
    as_person: Browser, olga: User, agent: Node, now: datetime
) -> None:
    note(agent)
    browser = as_person(olga)
    page = browser.get("/console/backups/searches/").content.decode()
    for words in ("Posts", "Files", "20261124-110000F@disk"):
        assert words in page
    assert browser.post("/console/backups/searches/", {"kind": "feed.post", "text": ""}).status_code == 422
    answer = browser.post("/console/backups/searches/", {"kind": "feed.post", "text": "minutes"})
    begun = agent_of(agent).ask(ListOperations()).operations[0]
    assert (begun.kind, begun.asked_by) == ("find", olga.login)
    assert answer.headers["Location"] == f"/console/backups/searches/{begun.id}/"
    wait_until(lambda: agent_of(agent).ask(ReadOperation(begun.id)).state == "failed")
    things = (
        FoundThing(1, "Minutes of Monday", "anna", now, "gone"),
        FoundThing(2, "Minutes of Tuesday", "anna", now, "same"),
    )
    journal = Journal.begin(agent.paths.operations, "find", {}, by=olga.login)
    journal.end("done", "In the newest set 2 things were found.")
    seen = FoundThings(journal.id, "disk", "20261124-110000F", "feed.post", things)
    search_results.keep(agent.paths, seen, olga.login, [])
    page = browser.get(f"/console/backups/searches/{journal.id}/").content.decode()
    assert ("gone now" in page, "as it was" in page, page.count('name="number"')) == (True, True, 1)


def test_what_was_found_is_for_whoever_has_searched_alone(
    as_person: Browser, olga: User, agent: Node, now: datetime
) -> None:
    journal = Journal.begin(agent.paths.operations, "find", {}, by="somebody")
    journal.end("done", "In the newest set 1 thing was found.")
    thing = FoundThing(1, "A letter between two", "", now, "gone")
    seen = FoundThings(journal.id, "disk", "20261124-110000F", "feed.post", (thing,))
    search_results.keep(agent.paths, seen, "other", [])
    page = as_person(olga).get(f"/console/backups/searches/{journal.id}/").content.decode()
    assert "A letter between two" not in page
    assert "search again" in page


def burning(*, behind: int | None = 45, drills: tuple[DrillReport, ...] = ()) -> str:
    """What is said of a box of two targets, the better of which is so many seconds behind."""
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    until = None if behind is None else now - timedelta(seconds=behind)
    worse = None if until is None else until - timedelta(hours=1)
    targets = (BackupTargetState("disk", "/mnt", worse, ()), BackupTargetState("nas", "/nas", until, ()))
    with translation.override("en"):
        return if_it_burned(BackupState(now, targets=targets, drills=drills), now)


def drilled(*, is_sample: bool = False, problem: str = "") -> DrillReport:
    began_at = datetime(2026, 11, 25, 12, tzinfo=UTC)
    ended_at = began_at + timedelta(minutes=12, seconds=5)
    return DrillReport(began_at, ended_at, "disk", "20261124-110000F", is_sample=is_sample, problem=problem)


def test_a_sentence_says_what_a_fire_would_cost() -> None:
    said = burning(drills=(drilled(problem="no room"), drilled()))
    assert said.startswith(
        "If the machine burned now and nas did not, what was done in the last 45 s would be lost; "
        "to bring back the rest would take about 12 min 5 s, as in the drill on "
    )
    assert "had room for a sample" in burning(drills=(drilled(is_sample=True),))
    assert "more than the 12 min 5 s" in burning(drills=(drilled(is_sample=True),))
    for drills in ((), (drilled(problem="no room"),)):
        assert burning(drills=drills).endswith("is not known before a drill went well.")
    assert burning(behind=None) == (
        "If the machine burned now, everything would be lost: there is no good backup yet."
    )


def test_the_page_of_backups_says_it(as_person: Browser, olga: User, agent: Node) -> None:
    note(agent)
    assert "If the machine burned now and disk did not" in as_person(olga).get("/console/backups/").text
    note(agent, has_sets=False)
    assert "everything would be lost" in as_person(olga).get("/console/backups/").text


def test_what_a_restore_has_yet_to_bring_back_is_told(as_person: Browser, olga: User, agent: Node) -> None:
    def said(**more: object) -> str:
        value = {
            "target": "disk", "until": 7, "files": 50_000, "bytes": 1, "left": 40_000, "left_bytes": 4 << 30,
            "since": (timezone.now() - timedelta(minutes=1)).isoformat(), "problem": "", "lost": 0, **more,
        }  # fmt: skip
        StoredSetting.objects.update_or_create(key="files.to_come", defaults={"value": value})
        return as_person(olga).get("/console/backups/").text

    note(agent)
    assert "The restore goes on" not in as_person(olga).get("/console/backups/").text
    text = said()
    assert re.search(
        r"The restore goes on: 40,000 of 50,000 files \(4\S*\sGB\) are still to come, in about", text
    )
    assert "Those that somebody opens come first." in text
    text = said(left=50_000)
    assert "are still to come." in text
    assert "in about" not in text.partition("The restore goes on")[2].partition("</p>")[0]
    text = said(problem="The disk is <away>.")
    assert "nothing comes at the moment" in text
    assert "The disk is &lt;away&gt;." in text
    text = said(until=0, left=0, left_bytes=0, lost=2)
    assert "2 files could not be brought back by the last restore" in text
    assert "The restore goes on" not in text
