"""What two accounts did is what one person did."""

from __future__ import annotations

from box.core.registry.merging import OneEach, settlings


def declare() -> None:
    times = "times = kept.times + gone.times"
    settlings.add("pulse.Use.user", OneEach("on", "tool", takes=times))
    settlings.add("pulse.Rank.user", OneEach(takes=times))
