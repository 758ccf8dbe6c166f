"""What the subcommands share: asking the agent or, when it is away, doing its work here; and plain words."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from appliance import users
from appliance.agent import operations
from appliance.agent.answers import OperationState, Progress
from appliance.agent.codec import decode_request, encode
from appliance.agent.handlers import FAILURES, REFUSALS, perform
from appliance.agent.journal import Journal
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import Operation
from appliance.client import Agent, AgentAway, AgentError
from appliance.paths import Paths
from appliance.quoting import on_terminal

PYTHONS_OWN = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE")
"""Set by the dispatcher for this program alone: a service that it starts must not inherit them."""

# What stands in brackets, as addresses of IPv6 do, is no markup.
out = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False, markup=False)


def say(text: str, *, style: str | None = None) -> None:
    """A line for a person at a terminal, or the very same characters for a program."""
    text = on_terminal(text)
    if out.is_terminal:
        out.print(text, style=style)
    else:
        sys.stdout.write(f"{text}\n")


def fail(message: str, *, code: int = 1) -> NoReturn:
    """End with a sentence on standard error."""
    err.print(f"boxctl: {on_terminal(message)}", style="red")
    sys.exit(code)


@contextmanager
def plain_errors() -> Iterator[None]:
    """An error that explains itself is shown as its sentence; a mistake of ours keeps its traceback."""
    try:
        try:
            yield
        finally:
            # Here, where it is understood that nobody reads any more, and not while Python ends.
            sys.stdout.flush()
    except (AgentError, users.UserMissing, *REFUSALS) as error:
        fail(str(error))
    except BrokenPipeError:
        # `boxctl logs | head` has seen enough. Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PermissionError as error:
        fail(f"{error.filename} is not for everybody: run this as root, for example with sudo.")
    except FAILURES as error:
        fail(str(error))
    except EOFError:
        fail("The input ended before everything was typed that was asked for.")
    except KeyboardInterrupt:
        sys.exit(130)


def box() -> Paths:
    """The box of this boxctl, when the caller may touch it."""
    for name in PYTHONS_OWN:
        os.environ.pop(name, None)
    paths = Paths.from_environment()
    if not paths.etc.exists():
        fail(f"There is no box under {paths.prefix}: install one with install.sh.")
    owner = paths.etc.stat().st_uid
    if os.geteuid() not in (0, owner):
        fail(f"The box belongs to {'root' if owner == 0 else 'another user'}: use sudo boxctl.")
    return paths


def ask[R](paths: Paths, operation: Operation[R]) -> R:
    """Ask the agent; when it is away, do the same here with the same code."""
    return reach(paths, operation)[0]


def reach[R](paths: Paths, operation: Operation[R]) -> tuple[R, bool]:
    """As `ask`, and whether it was the agent who answered."""
    asker = Asker.here()
    try:
        agent = Agent(paths.run / "agent/agent.sock", acting="root")
        return agent.ask(operation, by=asker.by), True
    except AgentAway:
        same = decode_request(type(operation), encode(operation), place=type(operation).__name__)
        return perform(paths, same, asker, lambda _: None), False


def follow(paths: Paths, state: OperationState) -> None:
    """Show the progress of a long operation until its end; exit with 1 when it failed.

    The journal is read directly: the agent itself may be what is restarted.
    """
    journal = Journal.find(paths.operations, state.id)
    latest = None
    for step in shown(operations.follow(journal)):
        if not out.is_terminal and step != latest:
            say(_line(step))
        latest = step
    end = journal.state()
    if end.state == "failed":
        fail(end.progress.text)
    if end.state == "running":
        fail("It was interrupted. Start the agent, which takes it up again: boxctl start agent.")
    say(end.progress.text, style="green")


def shown(steps: Iterator[Progress]) -> Iterator[Progress]:
    """Draw a bar while the steps come, on a terminal; elsewhere the caller prints lines."""
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Bar(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("", total=None)
        for step in steps:
            bar.update(
                task, description=on_terminal(step.text), completed=step.done, total=step.total or None
            )
            yield step


def _line(step: Progress) -> str:
    return f"[{step.done}/{step.total}] {step.text}" if step.total else step.text
