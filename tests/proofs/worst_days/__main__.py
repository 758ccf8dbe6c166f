"""A hundred worst days: each drawn from a seed, lived through on a real box, and judged.

    python -m tests.proofs.worst_days --seed 1                  that day; the same again with the same seed
    python -m tests.proofs.worst_days --seed 1 --count 100      and the 99 that follow
    python -m tests.proofs.worst_days --seed 7 --tell           what happens on it, and nothing else

On a day a box with backups to one or two targets (folder, S3, SFTP) has somebody who writes all the time and
notes what was acknowledged. Processes are killed, targets are away or full, bits are flipped, the box goes
back to moments, its key is changed. Then it burns, and comes back on a machine that differs, or goes back
where it stands. What must hold, or the program fails: every write that was acknowledged before the log was
handed over (or before the moment that is wanted, of the history that was lived) is there once, with its
bytes; nothing that was undone is back; every set that was good is still offered.

Needs root: services have users of their own, and machines names.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from tests.proofs.worst_days.days import draw
from tests.proofs.worst_days.living import Told, live, standing_box
from tests.proofs.worst_days.places import Places


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first day (1)")
    parser.add_argument("--count", type=int, default=1, help="how many days (1)")
    parser.add_argument("--tell", action="store_true", help="say what happens, and live none of it")
    given = parser.parse_args()
    told = list[Told]()
    days = [draw(seed) for seed in range(given.seed, given.seed + given.count)]
    if given.tell:
        _say("\n".join(f"{day.seed}: {day}" for day in days))
        return 0
    # What was begun is ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with Places() as places, standing_box() as standing:
            for day in days:
                _say(f"{day.seed}: {day}")
                with places.prepared(day.second) as second:
                    told.append(live(standing, day, second, lambda text: _say(f"    {text}")))
                _say(_line(told[-1]))
    finally:
        _say(table(told))
    return 1 if any(one.faults for one in told) else 0


def table(told: Sequence[Told]) -> str:
    """Of all days, as Markdown."""
    lines = ["", "| seed | what happened | wanted | found | seconds | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {one.day.seed} | {one.day} | {one.wanted} | {one.found} | {one.seconds:.0f} | "
        f"{' '.join('; '.join(one.faults).split()) or 'well'} |"
        for one in told
    ]
    bad = [str(one.day.seed) for one in told if one.faults]
    lines.append(f"\n{len(told)} days, {len(bad)} of them not well{': ' + ', '.join(bad) if bad else ''}.")
    return "\n".join(lines)


def _line(one: Told) -> str:
    return (
        f"    {one.seconds:.0f} s, wanted {one.wanted}, found {one.found}: {'; '.join(one.faults) or 'well'}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
