"""The log and the open pages follow what the bridge tells of calls."""

from __future__ import annotations

from typing import Any

from box.apps.calls.actions.call_control import undo_refused
from box.apps.calls.actions.logging import follow_call
from box.apps.calls.actions.recordings import await_recording
from box.bridges.telephony import events
from box.bridges.telephony.events import CallRecorded, CommandRefused
from box.bridges.telephony.models import Command
from box.core.events.outbox import on, subscribe
from box.core.push.actions import send

FOLLOWED = (
    events.CallStarted,
    events.CallQueued,
    events.CallRinging,
    events.CallRingingEnded,
    events.CallAnswered,
    events.CallTransferred,
    events.CallLeft,
    events.CallMerged,
    events.CallReopened,
    events.CallEnded,
)


def follow(event: Any) -> None:
    follow_call(event.pbx, event.call)
    if isinstance(event, events.CallMerged):
        follow_call(event.pbx, event.into)


for _event in FOLLOWED:
    subscribe(f"{__name__}.follow_{_event.__name__}", _event, follow)


@on(CallRecorded)
def await_file(event: CallRecorded) -> None:
    await_recording(event.pbx, event.call, event.file)


@on(CommandRefused)
def say_what_the_pbx_refused(event: CommandRefused) -> None:
    if event.reason:
        send("calls", "refused", audience=[f"U{event.by_id}"], payload={"reason": event.reason})


@on(CommandRefused)
def undo_what_the_pbx_refused(event: CommandRefused) -> None:
    if (command := Command.objects.filter(pk=event.command_id).first()) is not None:
        undo_refused(command, is_certain=event.is_certain)
