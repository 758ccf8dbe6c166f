"""The end of a service's log in the console: of files under supervisord, under systemd of its journal."""

from __future__ import annotations

import json

from ..living import Box
from ..poster import Person

# Run as the portal's user: four pages of two lines, the newest first, and then all of them at once.
READ = """
import json, sys
from appliance.client import Agent, ReadLog
agent, pages, before = Agent(sys.argv[1]), [], ""
for _ in range(4):
    page = agent.ask(ReadLog("agent", 2, before))
    pages, before = [page.lines, *pages], page.older
print(json.dumps([pages, agent.ask(ReadLog("agent", 2000)).lines]))
"""


def test_the_end_of_a_log_is_shown_and_what_was_before_it(box: Box, olga: Person) -> None:
    for _ in range(4):
        box.boxctl("restart", "agent")
    shown = olga.get("/console/services/agent/").text
    assert "Listening at" in shown
    assert "The log is empty." not in shown
    pages, whole = read(box)
    assert [len(page) for page in pages] == [2, 2, 2, 2]
    # Each line once, in their order; more may have come since.
    assert "\n".join(line for page in pages for line in page) in "\n".join(whole)
    assert sum("Listening at" in line for line in whole) >= 4


def read(box: Box) -> tuple[list[list[str]], list[str]]:
    socket, release = box.prefix / "run/korobka/agent/agent.sock", box.prefix / "opt/korobka/current"
    python = ["env", f"PYTHONPATH={release}", str(release / "venv/bin/python"), "-P", "-B"]
    said = box.run([*python, "-c", READ, str(socket)], user="korobka").stdout
    pages, whole = json.loads(said)
    return pages, whole
