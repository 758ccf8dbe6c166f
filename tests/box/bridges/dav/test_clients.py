"""A public client of CalDAV, unmodified, against a live box: PyPI's `vdirsyncer`.

`caldav` brings a urllib3 of its own under that name: the portal would be tested with it.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from box.apps.calendar.actions import main_calendar, move_event, remove_event
from box.apps.calendar.models import Event
from box.bridges.dav.actions import add_device
from box.bridges.dav.passwords import DevicePassword
from tests.box.apps.calendar.conftest import MOSCOW, TEN, draft, planned

if TYPE_CHECKING:
    from box.core.accounts.models import User

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
CONFIG = """\
[general]
status_path = "{folder}/status/"
[pair work]
a = "here"
b = "box"
collections = [["calendar", "calendar", "{calendar}"]]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "{folder}/events/"
fileext = ".ics"
[storage box]
type = "caldav"
url = "{address}"
username = "{login}"
password = "{password}"
"""


@pytest.fixture
def password(address: str, anna: User) -> str:
    made = DevicePassword.new()
    add_device("Client", made, by=anna)
    return made.text


def vdirsyncer(config: Path, *words: str) -> str:
    program = Path(sys.executable).with_name("vdirsyncer")
    done = subprocess.run(
        [program, "--config", config, *words], capture_output=True, text=True, input="y\n" * 20, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_vdirsyncer_goes_both_ways_and_keeps_ours_in_conflicts(
    address: str, password: str, anna: User, tmp_path: Path
) -> None:
    events = tmp_path / "events" / "calendar"
    events.mkdir(parents=True)
    calendar = main_calendar(f"U{anna.pk}")
    config = tmp_path / "config"
    config.write_text(
        CONFIG.format(
            folder=tmp_path, calendar=f"calendar-{calendar.pk}", address=f"{address}/dav/",
            login=anna.login, password=password,
        )
    )  # fmt: skip
    ours = planned(anna, draft("From the box"))
    (events / "theirs.ics").write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:theirs\r\nDTSTAMP:20261101T000000Z\r\n"
        "DTSTART:20261202T070000Z\r\nDTEND:20261202T080000Z\r\nSUMMARY:From the folder\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )
    vdirsyncer(config, "discover")
    vdirsyncer(config, "sync")
    assert set(Event.objects.values_list("title", flat=True)) == {"From the box", "From the folder"}
    files = {one.read_text(): one for one in events.iterdir()}
    (mine,) = (path for text, path in files.items() if "From the box" in text)
    mine.write_text(mine.read_text().replace("From the box", "From the phone"))
    vdirsyncer(config, "sync")
    ours.refresh_from_db()
    assert ours.title == "From the phone"
    # Both sides change: what is in the box wins.
    mine.write_text(mine.read_text().replace("From the phone", "In conflict"))
    move_event(ours, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    vdirsyncer(config, "sync")
    ours.refresh_from_db()
    assert (ours.title, ours.starts_at.astimezone(MOSCOW).hour) == ("From the phone", 11)
    assert "In conflict" not in mine.read_text()
    remove_event(ours, by=anna)
    vdirsyncer(config, "sync")
    assert not mine.exists()
    (events / "theirs.ics").unlink(missing_ok=True)
    for left in events.iterdir():
        left.unlink()
    vdirsyncer(config, "sync", "--force-delete")
    assert not Event.objects.there().exists()
