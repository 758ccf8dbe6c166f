"""wrk, which asks for one page over so many kept connections and is cheaper than what it asks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence

_MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000}


def start(
    url: str,
    cookies: Mapping[str, str],
    *,
    connections: int,
    seconds: int,
    host: str = "",
    within: Sequence[str] = (),
) -> subprocess.Popen[str]:
    """`host` is the portal's name where the URL has an address; `within` begins the command:
    `ip netns exec desk`."""
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    options = ["-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-H", f"Cookie: {cookie}"]
    options += ["-H", f"Host: {host}"] if host else []
    return subprocess.Popen([*within, "wrk", *options, url], stdout=subprocess.PIPE, text=True)


def answered(wrk: subprocess.Popen[str]) -> tuple[float, float]:
    """When it has ended: answers a second, and milliseconds that 99 % of them took at most. Raises
    AssertionError where an answer was not a page."""
    said = wrk.communicate()[0]
    assert wrk.returncode == 0 and "Non-2xx" not in said, said
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", said)
    ((wait, unit),) = re.findall(r"99%\s+([\d.]+)(us|ms|s)\b", said)
    return float(rate), float(wait) * _MILLISECONDS[unit]
