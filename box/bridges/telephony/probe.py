"""Whether a PBX can be used as it is set up, step by step, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.bridges.telephony.ami import ActionRefused, PbxTrouble, Session
from box.bridges.telephony.logs import LogTrouble
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.sentences import sentence
from box.lib.sealing import SealBroken


@dataclass(frozen=True)
class Step:
    """`state` is good, warn or bad."""

    title: str
    text: str
    state: str = "good"


def probe(pbx: Pbx) -> list[Step]:
    """Signs in, lists channels and queues, opens the logs and the folder of recordings; changes nothing."""
    return [*_session(pbx), *_logs(pbx), *_lines(pbx), *_dialling(pbx), *_recordings(pbx)]


def is_good(steps: list[Step]) -> bool:
    return all(step.state != "bad" for step in steps)


def _session(pbx: Pbx) -> Iterator[Step]:
    title = _("Manager interface")
    try:
        with Session(pbx.address, wants_events=False) as session:
            if version := session.asterisk_version():
                yield Step(title, _("Asterisk %(version)s answers.") % {"version": version})
            else:
                yield Step(title, _("Asterisk answers (manager %(version)s).") % {"version": session.version})
            channels, queues = session.channels(), len(session.queues())
            count = len(channels)
            said = ngettext("%(num)s channel is open", "%(num)s channels are open", count) % {"num": count}
            more = ngettext("%(num)s queue", "%(num)s queues", queues) % {"num": queues}
            yield Step(_("Calls and queues"), f"{said}, {more}.")
            if any("Linkedid" not in one for one in channels):
                # The first ones of Asterisk 13.
                said = _("This Asterisk does not tell which channels belong to one call: take its last 13.")
                yield Step(_("Calls and queues"), said, "bad")
            if pbx.hold_context:
                yield _hold(pbx, session)
    except (PbxTrouble, SealBroken) as trouble:
        yield Step(title, sentence(trouble), "bad")


def _hold(pbx: Pbx, session: Session) -> Step:
    title, values = _("Calls on hold"), {"context": pbx.hold_context}
    try:
        session.act("ShowDialPlan", Context=pbx.hold_context)
    except ActionRefused:
        said = _("The PBX has no context %(context)s: load the configuration of the box there.") % values
        return Step(title, said, "bad")
    return Step(title, _("They wait in the context %(context)s.") % values)


def _dialling(pbx: Pbx) -> Iterator[Step]:
    title = _("Calls from the portal")
    if not pbx.prefixes:
        said = _("Only extensions may be called: no beginning of a number outside is allowed.")
        yield Step(title, said, "warn")
    else:
        yield Step(title, _("They are placed in the context %(context)s.") % {"context": pbx.context})


def _logs(pbx: Pbx) -> Iterator[Step]:
    title = _("Logs of the PBX")
    if pbx.logs == Pbx.Logs.NONE:
        yield Step(title, _("None are set: calls that come while the box is away will be missing."), "warn")
        return
    for name, log in (("CEL", pbx.cel_log), ("CDR", pbx.cdr_log)):
        if log is None:
            yield Step(f"{title}: {name}", _("Its place is not set: give the path of the file."), "warn")
            continue
        try:
            log.read(log.end())
        except (LogTrouble, SealBroken) as trouble:
            yield Step(f"{title}: {name}", str(trouble), "bad")
        else:
            yield Step(f"{title}: {name}", _("It can be read."))


def _lines(pbx: Pbx) -> Iterator[Step]:
    if not pbx.lines:
        said = _("No line of a provider is named: every call would count as internal. Name the endpoints.")
        yield Step(_("Lines outside"), said, "bad")


def _recordings(pbx: Pbx) -> Iterator[Step]:
    if not pbx.recordings_here:
        return
    folder = Path(pbx.recordings_here)
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        said = _("The box cannot read %(folder)s (%(reason)s): share it, readable by the portal's user.")
        values = {"folder": str(folder), "reason": error.strerror}
        yield Step(_("Folder of recordings"), said % values, "bad")
    else:
        yield Step(_("Folder of recordings"), _("It can be read."))
