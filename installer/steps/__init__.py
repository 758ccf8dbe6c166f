"""What an installation does, in order. Each step looks first whether it is needed."""

from __future__ import annotations

from installer.progress import NOTHING_TO_DO, Progress
from installer.steps import bootstrap
from installer.steps.base import Host, Step

__all__ = ["BARE", "Host", "Step", "full", "perform"]

BARE: tuple[Step, ...] = bootstrap.STEPS
"""Steps that need nothing but Debian's Python. The others need the release's environment."""


def full() -> tuple[Step, ...]:
    """All steps; those after BARE run in the release's own environment."""
    from installer.steps import configuration, data, final, people, services, startup

    return (
        *BARE, *configuration.STEPS, *data.STEPS, *services.STEPS, *startup.STEPS, *people.STEPS,
        *final.STEPS,
    )  # fmt: skip


TOTAL = 24
"""How many `full` returns, for the first stage, which cannot load it (a test compares them)."""


def perform(steps: tuple[Step, ...], host: Host, progress: Progress, *, first: int = 1) -> int:
    """Runs what is not done; returns how many steps had something to do."""
    changed = 0
    for number, step in enumerate(steps, first):
        with progress.step(number, TOTAL, step.title) as outcome:
            host.outcome = outcome
            if (step.needs and not host.node.runs(step.needs)) or step.is_done(host):
                outcome.text = NOTHING_TO_DO
            else:
                step.apply(host)
                changed += 1
    return changed
