"""An administrator moves the box over to another release from the console, while somebody goes on working."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance.files import write_atomically
from appliance.node import Node
from appliance.supervise.supervisord import Supervisord
from installer import release, signing
from tests import require
from tests.backup import strace
from tests.e2e.boxes import Box
from tests.e2e.people import Person
from tests.e2e.words import Words
from tests.system.versions import Versions, archive_of_checkout

MOVING_OVER = 600_000
"""Milliseconds: on two cores it takes one to two minutes."""

RUSSIAN = {
    "Releases": "Версии",
    "What will change": "Что изменится",
    "See what will change": "Посмотреть, что изменится",
    "1 change, which the present release can work beside": "1 изменение, не мешающее нынешней версии",
    "none is set up, and none is made": "не настроено, копии не будет",
    "Upgrade": "Обновить",
    "This box runs": "Работает версия",
    "done": "готово",
    "failed": "сбой",
}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return Versions(archive_of_checkout(), tmp_path_factory.mktemp("releases"))


@pytest.fixture
def offered(box: Box, versions: Versions) -> Iterator[Callable[[Path], Path]]:
    """Puts archives where root does. Afterwards the box runs the release again that it ran before."""
    folder, signers = box.paths.offered, box.paths.etc / signing.SIGNERS
    was_there, before = folder.exists(), box.paths.current.resolve()
    folder.mkdir(exist_ok=True)
    write_atomically(signers, versions.signers, mode=0o644)

    def offer(packed: Path) -> Path:
        shutil.copy(signing.signature_of(packed), folder)
        return Path(shutil.copy(packed, folder))

    yield offer
    signers.unlink()
    for file in folder.glob("korobka-9.*"):
        file.unlink()
    if not was_there:
        folder.rmdir()
    if box.paths.current.resolve() != before:
        back = [str(release.previous_link(box.paths) / "install.sh"), "--prefix", str(box.prefix)]
        done = subprocess.run(back, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert box.paths.current.resolve() == before


@pytest.fixture
def followed(box: Box, tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """The supervisor, the agent and all that they start are followed; what it ends with is what was wrong."""
    require.programs("strace", cure="apt-get install strace")
    (agent,) = (instance for instance in Supervisord(Node.load(box.paths)).status("agent"))
    pids = [int((box.paths.run / "supervisord.pid").read_text()), agent.pid or 0]
    threads = strace.threads_of(*pids)
    with ExitStack() as following:
        following.enter_context(strace.followed(tmp_path / "calls", *pids))

        def found() -> list[str]:
            following.close()
            deeds = list(strace.deeds(tmp_path / "calls", threads))
            assert len(deeds) > 1000
            return strace.in_services_folders(box.paths, deeds, strace.services_folders(box.paths))

        yield found


def test_the_box_moves_over_to_another_release_while_people_work(
    box: Box,
    administrator: Person,
    employee: Callable[..., Person],
    words: Words,
    versions: Versions,
    offered: Callable[[Path], Path],
    followed: Callable[[], list[str]],
) -> None:
    """Meanwhile root does nothing in a folder of a service, as the kernel saw it (see test_root.py)."""
    say = words.saying(RUSSIAN)
    assert administrator.hand.post("/preferences/", language=words.language).status == 302
    archive = offered(versions.next(box.paths.current.resolve()))
    wanted = release.Source(versions.tree_of(archive)).name
    anna = employee("Anna", words=words)
    anna.open("/feed/")
    for one in (administrator, anna):
        # While push begins anew there is none, and pages ask for their stream again.
        one.watch.tolerated.add("503")

    page = administrator.open("/console/releases/")
    expect(page.get_by_role("heading", name=say("Releases"))).to_be_visible()
    _look_at(page, archive, say)
    plan = page.locator(".card", has=page.get_by_role("heading", name=say("What will change")))
    expect(plan).to_contain_text(wanted, timeout=60_000)
    expect(plan).to_contain_text(archive.name)
    expect(plan).to_contain_text(say("1 change, which the present release can work beside"))
    expect(plan).to_contain_text(say("none is set up, and none is made"))
    plan.get_by_role("button", name=say("Upgrade")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Upgrade")).click()
    expect(page.locator(".operation .tag.warn")).to_be_visible()

    # Meanwhile somebody writes, before the services move over and after it.
    anna.text_field.fill("Written while the box moves over")
    anna.publish()
    expect(anna.post("Written while the box moves over")).to_be_visible()
    expect(page.get_by_text(f"{say('This box runs')} {wanted}")).to_be_visible(timeout=MOVING_OVER)
    expect(page.locator(".operation").first.locator(".tag.good")).to_have_text(
        say("done"), timeout=MOVING_OVER
    )
    expect(page.locator(".operation").first).to_contain_text(wanted)
    anna.open("/feed/")
    expect(anna.post("Written while the box moves over")).to_be_visible()
    anna.text_field.fill("Written afterwards")
    anna.publish()
    expect(anna.post("Written afterwards")).to_be_visible()
    assert box.status()["is_healthy"]
    assert followed() == []


def test_an_archive_that_somebody_else_has_signed_is_not_offered_for_an_upgrade(
    box: Box, administrator: Person, versions: Versions, offered: Callable[[Path], Path], tmp_path: Path
) -> None:
    stranger = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    archive = offered(versions.next(box.paths.current.resolve()))
    signing.signature_of(archive).unlink()
    signing.sign(archive, stranger)

    page = administrator.open("/console/releases/")
    _look_at(page, archive, str)
    examination = page.locator(".operation").first
    expect(examination.locator(".tag.bad")).to_have_text("failed", timeout=60_000)
    expect(examination).to_contain_text("signed")
    expect(page.get_by_role("heading", name="What will change")).to_have_count(0)
    expect(page.get_by_role("button", name="Upgrade", exact=True)).to_have_count(0)


def _look_at(page: Page, archive: Path, say: Callable[[str], str]) -> None:
    row = page.locator(".rows > li", has_text=archive.name)
    row.get_by_role("button").filter(has_text=say("See what will change")).click()
