"""PBXs and their calls."""

from box.bridges.telephony.models.calls import Call, CallEvent, CallLeg
from box.bridges.telephony.models.exchange import Command, Credential, Extension, Pbx, QueueMember
from box.bridges.telephony.models.trunks import CallMenu, CallQueue, Trunk

__all__ = [
    "Call",
    "CallEvent",
    "CallLeg",
    "CallMenu",
    "CallQueue",
    "Command",
    "Credential",
    "Extension",
    "Pbx",
    "QueueMember",
    "Trunk",
]
