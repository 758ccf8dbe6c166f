"""A sender of outgoing webhooks that can be stopped at a named point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest import MonkeyPatch

from tests.box.processes import hang


def send_and_die() -> None:
    """What a jobs process does; with the points at which it may be killed."""
    from django.conf import settings
    from django.utils import timezone

    from box.lib.egress import post
    from box.rest.models import Sending
    from box.rest.outgoing import send_waiting
    from tests.box.ear import LOOPBACK

    save = Sending.save

    def stop(address: str, body: bytes, headers: Mapping[str, str], *, reachable: Iterable[str]) -> int:
        hang("before sending")
        status = post(address, body, headers, reachable=reachable)
        hang("after sending")
        return status

    def stop_after(self: Sending, **kwargs: object) -> None:
        save(self, **kwargs)  # type: ignore[arg-type]
        hang("after it was noted")

    settings.REACHABLE_NETWORKS = list(LOOPBACK)
    monkeypatch = MonkeyPatch()
    monkeypatch.setattr("box.rest.outgoing.post", stop)
    monkeypatch.setattr(Sending, "save", stop_after)
    send_waiting(timezone.now())
