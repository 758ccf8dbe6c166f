"""Telling the listeners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from box.core.push.models import PushMessage
from box.core.registry.origin import is_importing
from box.core.registry.services import is_on
from box.lib.channels import notify_after_commit
from box.lib.prepared import PreparedInsert

_MESSAGES = PreparedInsert(PushMessage, ("topic", "kind", "audience", "payload"))


def send(topic: str, kind: str, *, audience: Iterable[str], payload: Mapping[str, Any] | None = None) -> None:
    """Tell everyone whose codes overlap `audience`, once the caller's transaction has committed.

    `topic` names the app, `kind` what happened ("feed", "post-added"). The payload is seen by the whole
    audience, so it holds nothing that some of them may not see; most often only the id of what changed.
    Nothing is told of a service that is switched off.
    """
    send_each(topic, kind, [(audience, payload or {})])


def send_each(topic: str, kind: str, messages: Iterable[tuple[Iterable[str], Mapping[str, Any]]]) -> None:
    """The same to several audiences, to each what is its own."""
    if is_importing():
        return
    rows = [(topic, kind, sorted(set(audience)), dict(payload)) for audience, payload in messages]
    if not rows or not is_on(topic):
        return
    _MESSAGES.write(rows)
    notify_after_commit("push_sent")
