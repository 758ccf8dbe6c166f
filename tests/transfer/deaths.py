"""Runs of a migration, watched step by step, which die at one of them.

A step is whatever may be the last thing that a run does: a statement of SQL; a request, a file or an object
for the store, as it begins and when it is done. What is kept differs between two steps and not within one,
so a run that may die at each of them may die anywhere.

    with watched(steps.append) as connect:          # what there is to die at
        runner.run(migration, connect=connect)
    killed_at(drawn(Random(seed()), steps, 3), migration, folder, env)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from random import Random

    from box.transfer.cloud import Cloud
    from box.transfer.models import Migration

STATEMENT = "statement"
REQUEST, FILE, OBJECT = "request", "file", "object"
BEGUN, DONE = "begun", "done"


class Step(NamedTuple):
    stage: str
    """Nothing before the first of them."""
    kind: str


@dataclass(frozen=True)
class Place:
    """Where a run dies: at so many steps from the begin of a stage on, counted from 0. Stages behind it count
    too, so that one who finds the stage half done, or done, dies all the same."""

    stage: str
    number: int
    kind: str = ""
    """Nothing but steps of this kind count; none given: all."""


@contextmanager
def watched(on_step: Callable[[Step], object]) -> Iterator[Callable[[Migration], Cloud]]:
    """What a run does within is told; it connects by what this gives."""
    from django.db import connection

    from box.bridges.storage.client import S3Store
    from box.transfer import runner
    from box.transfer.sources import cloud_of

    stage = ""
    run_stage = runner._run_stage

    def around(kind: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def acted(*given: Any, **named: Any) -> Any:
            on_step(Step(stage, f"{kind} {BEGUN}"))
            found = act(*given, **named)
            on_step(Step(stage, f"{kind} {DONE}"))
            return found

        return acted

    def staged(work: Any, progress: Any) -> bool:
        nonlocal stage
        stage = progress.stage
        return run_stage(work, progress)

    def stated(execute: Callable[..., Any], *given: Any) -> Any:
        on_step(Step(stage, STATEMENT))
        return execute(*given)

    def connected(migration: Migration) -> Cloud:
        cloud = cloud_of(migration)
        for name, kind in (("transport", REQUEST), ("sender", REQUEST), ("loader", FILE)):
            setattr(cloud, name, around(kind, getattr(cloud, name)))
        return cloud

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(stated):
        patch.setattr(runner, "_run_stage", staged)
        patch.setattr(S3Store, "write", around(OBJECT, S3Store.write))
        yield connected


def drawn(random: Random, steps: Sequence[Step], most: int) -> list[Place]:
    """So many places among the steps of a whole run, in their order: each stage as likely as the others, and
    within it each kind of steps, for statements are a hundred times as many as files."""
    by_stage: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    counted: dict[str, int] = defaultdict(int)
    for step in steps:
        by_stage[step.stage][step.kind].append(counted[step.stage])
        counted[step.stage] += 1
    stages = list(by_stage)
    found = []
    for stage in sorted((random.choice(stages) for _place in range(most)), key=stages.index):
        kinds = by_stage[stage]
        found.append(Place(stage, random.choice(kinds[random.choice(sorted(kinds))])))
    return found


def killed_at(places: Sequence[Place], migration: Migration, folder: Path, env: dict[str, str]) -> list[str]:
    """Goes on with it from death to death; the stages at which it stood then. A place behind the end of what
    was left is none."""
    stood = []
    for place in places:
        if not dies(place, migration, folder, env):
            break
        going = migration.progress.filter(is_done=False).first()
        stood.append(going.stage if going else "the end")
    return stood


def dies(place: Place, migration: Migration, folder: Path, env: dict[str, str]) -> bool:
    """Goes on with it in a process of its own until it dies there; False where it has come to its end."""
    told = json.dumps(asdict(place))
    process = subprocess.run(
        [sys.executable, "-m", __name__, str(migration.pk), str(folder), told],
        env={**env, "DJANGO_SETTINGS_MODULE": "box.settings"},
        check=False,
        timeout=600,
    )
    assert process.returncode in (0, -signal.SIGKILL), process.returncode
    return process.returncode != 0


def _run(pk: int, folder: Path, place: Place) -> None:
    import django

    django.setup()
    from django.conf import settings

    from box.transfer import runner
    from box.transfer.models import Migration

    settings.MOVING_DIR, settings.EXTRACTS_DIR = folder / "moving", folder / "extracts"
    migration = Migration.objects.select_related("by").get(pk=pk)
    stages = ["", *migration.progress.values_list("stage", flat=True)]
    left = place.number

    def on_step(step: Step) -> None:
        nonlocal left
        if stages.index(step.stage) < stages.index(place.stage) or place.kind not in ("", step.kind):
            return
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with watched(on_step) as connect:
        runner.run(migration, connect=connect)


if __name__ == "__main__":
    _run(int(sys.argv[1]), Path(sys.argv[2]), Place(**json.loads(sys.argv[3])))
