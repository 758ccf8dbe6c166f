"""The process in which robots work is killed before every statement that it sends to the database, from the
delivery of what called them to the last letter: each thing is done once. An everyday run chooses by its seed
one in five of the statements; a thorough one takes them all."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.crm.actions.records import move_record
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Activity, Record, RobotRun, StageVisit
from box.apps.crm.robots.actions import run_due
from box.apps.tasks.models import Task
from box.core.events.delivery import deliver_all
from box.core.events.models import Delivery
from box.core.notify.models import Notification, QueuedLetter
from box.core.registry.settings import store
from tests.box.apps.crm.conftest import added, stage_of
from tests.box.apps.crm.test_robots import CALL, LETTER, robot
from tests.box.processes import configuration, until
from tests.randomness import is_thorough, seed

if TYPE_CHECKING:
    from pathlib import Path

    from box.core.accounts.models import User

# Each child dies before the first statement that the file does not name yet, and names it there. What is
# after a statement is before the next one, too.
PROGRAM = """
import os, signal, sys, zlib
import django
django.setup()
from django.db import connection
from box.apps.crm.robots.jobs import run_waiting_robots
from box.core.events.delivery import deliver_all

FILE, SEED, SHARE = sys.argv[1], *map(int, sys.argv[2:])

def live(points, known):
    def watched(execute, sql, *given):
        if sql not in known and zlib.crc32(sql.encode(), SEED) % SHARE == 0:
            points.write(sql.encode() + b"\\0")
            points.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, *given)
    with connection.execute_wrapper(watched):
        for _round in range(3):
            deliver_all()
            run_waiting_robots.call_local()

while True:
    with open(FILE, "a+b") as points:
        points.seek(0)
        known = {one.decode() for one in points.read().split(b"\\0")}
        if not (child := os.fork()):
            live(points, known)
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
"""


def is_all_done() -> bool:
    """Locks of the killed, which last until PostgreSQL misses them, may have put something off."""
    later = timezone.now() + timedelta(hours=1)
    deliver_all(later)
    run_due(later)
    return not (RobotRun.objects.due(later).exists() or Delivery.objects.filter(completed_at=None).exists())


@pytest.mark.django_db(transaction=True)
def test_killed_at_every_statement_robots_do_each_thing_once(anna: User, tmp_path: Path) -> None:
    store({"mail.host": "127.0.0.1"})
    rose = added("contact", anna, "Rose", reached_by=[Reach("email", "rose@example.com")])
    robot(effect="letter", settings=LETTER)
    robot(effect="activity", settings=CALL)
    robot(effect="notice", settings={"user_id": anna.pk})
    robot(effect="task", settings={"text": "Draw the chair", "in_days": 1})
    won = stage_of("deal", "FINAL_INVOICE")
    robot(effect="stage", settings={"stage_id": won.pk})
    robot(effect="letter", code=won.code, settings={**LETTER, "text": "Good news of {title}"})
    deal = added("deal", anna, "chairs", contact=rose)
    move_record(deal, stage_of("deal", "EXECUTING"), by=None)

    points = tmp_path / "points"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(points), str(seed()), "1" if is_thorough() else "5"],
        env={**configuration(tmp_path), "DJANGO_SETTINGS_MODULE": "box.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    killed = points.read_bytes().count(b"\0")
    sys.stdout.write(f"killed {killed} times\n")
    assert killed > (80 if is_thorough() else 8)

    until(is_all_done)
    assert set(RobotRun.objects.values_list("status", "said")) == {("done", "")}
    assert RobotRun.objects.count() == 6
    letters = QueuedLetter.objects.filter(key__startswith="crm.robot:").order_by("id")
    assert [one.subject for one in letters] == ["Your chairs", "Good news of chairs"]
    written = Activity.objects.filter(kind=Activity.Kind.EMAIL).order_by("id")
    assert [one.subject for one in written] == [one.subject for one in letters]
    assert Activity.objects.filter(kind=Activity.Kind.CALL).count() == 1
    assert Activity.objects.filter(kind=Activity.Kind.TASK).count() == Task.objects.count() == 1
    assert Notification.objects.filter(user=anna, kind="crm.robot").count() == 1
    assert Record.objects.get(pk=deal.pk).stage_id == won.pk
    assert StageVisit.objects.filter(record=deal, stage=won).count() == 1
