"""The agent, as these pages ask it."""

from __future__ import annotations

from django.conf import settings

from appliance.client import Agent

# Somebody waits in front of the page.
SECONDS_TO_ANSWER = 10.0
# A store is tried more than once before it is said that it is away.
SECONDS_TO_TRY = 110.0


def agent(timeout: float = SECONDS_TO_ANSWER) -> Agent:
    return Agent(settings.AGENT_SOCKET, timeout=timeout)
