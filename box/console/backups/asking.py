"""The agent, as these pages ask it."""

from __future__ import annotations

import threading
import time

from django.conf import settings

from appliance.client import Agent, AgentError, ReadBackups

# Somebody waits in front of the page.
SECONDS_TO_ANSWER = 10.0
# A store is tried more than once before it is said that it is away.
SECONDS_TO_TRY = 110.0
# Every page asks whether there are backups: the agent hears of it once a minute from each process.
SECONDS_BETWEEN = 60.0
SECONDS_FOR_A_MENU = 1.0


def agent(timeout: float = SECONDS_TO_ANSWER) -> Agent:
    return Agent(settings.AGENT_SOCKET, timeout=timeout)


# Whether they are set up, at which socket that was heard, and when.
_NOTHING_HEARD: tuple[bool, str, float] = (False, "", 0.0)


class _Memory:
    """Whether backups are set up, as was heard last. Who comes while another one asks gets what is known."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._known = _NOTHING_HEARD

    def is_set_up(self) -> bool:
        is_set_up, socket, at = self._known
        here = str(settings.AGENT_SOCKET)
        is_old = socket != here or time.monotonic() > at + SECONDS_BETWEEN
        if is_old and self._asking.acquire(blocking=False):
            try:
                try:
                    is_set_up = agent(SECONDS_FOR_A_MENU).ask(ReadBackups()).plan is not None
                except AgentError:
                    is_set_up = is_set_up and socket == here
                self._known = (is_set_up, here, time.monotonic())
            finally:
                self._asking.release()
        return is_set_up

    def forget(self) -> None:
        self._known = _NOTHING_HEARD


memory = _Memory()
