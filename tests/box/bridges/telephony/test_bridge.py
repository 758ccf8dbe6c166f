"""The bridge without a PBX: what keeps it from one is said where the PBX is set up."""

from __future__ import annotations

import threading

import pytest

from box.bridges.telephony.bridge import Bridge
from box.bridges.telephony.models import Pbx

pytestmark = pytest.mark.django_db(transaction=True)


class _Once(threading.Event):
    """Nobody waits: whoever would is stopped."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"secret_sealed": "of another box"}, "another"), ({"host": "127.0.0.1", "port": 1}, "Nothing listens")],
)
def test_what_keeps_it_from_its_pbx_is_told(wrong: dict[str, object], said: str) -> None:
    pbx = Pbx.objects.create(name="office", is_on=True, **{"host": "127.0.0.1", "port": 1} | wrong)
    Bridge(pbx.pk, _Once()).run()
    pbx.refresh_from_db()
    assert said in pbx.trouble
