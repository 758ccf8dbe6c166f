"""`boxctl support`: one file with what others need to help, and nothing that opens anything."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from appliance import config
from appliance.agent import operations
from appliance.agent.codec import encode
from appliance.commands.common import box, fail, plain_errors, say
from appliance.files import new_file
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import run
from appliance.services import enabled
from appliance.supervise import SupervisorError, supervisor_for

LINES = 2000
"""Of each service's log."""
SHORTEST_SECRET = 8
_KEY = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
# What an engine of backups reads as a secret may be a password that somebody has chosen.
_CHOSEN = re.compile(r"^\s*\S*(?:secret|pass|key)\S*\s*[=:]\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_HIDDEN = "[secret]"
_RELEASE = Path(__file__).resolve().parents[2]

COMMANDS = {
    "machine.txt": ["uname", "-a"],
    "memory.txt": ["free", "-m"],
    "disks.txt": ["df", "-hT"],
    "packages.txt": ["dpkg-query", "--show"],
    "listeners.txt": ["ss", "-Hltn"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="boxctl support",
        description="Gathers status, findings, configuration, versions and logs into one file. "
        "Passwords, keys and tokens are left out; names of people may stand in logs.",
    )
    parser.add_argument("file", type=Path, nargs="?", help="default: korobka-support-DATE.tar.gz")
    given = parser.parse_args()
    with plain_errors():
        paths = box()
        now = datetime.now(UTC)
        file = (given.file or Path(f"korobka-support-{now:%Y%m%d-%H%M}.tar.gz")).absolute()
        if file.exists():
            fail(f"{file} is there already: name another one.")
        write(paths, file)
        say(f"{file} ({file.stat().st_size >> 10} KiB). Look into it before you send it.", style="green")


def write(paths: Paths, file: Path) -> None:
    """The bundle, for its owner alone."""
    secrets = secrets_of(paths)
    with new_file(file, mode=0o600) as raw, tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, text in contents(paths):
            content = without(secrets, text).encode()
            entry = tarfile.TarInfo(f"korobka-support/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
            tar.addfile(entry, io.BytesIO(content))


def secrets_of(paths: Paths) -> list[str]:
    """Every secret of the box, the longest first: one may be a part of another."""
    secrets = encode(config.load_secrets(paths)).values()
    # A key in PEM stands in files line by line.
    found = {line for value in secrets for line in value.splitlines() if not line.startswith("-----")}
    # Of what only root reads whatever looks like a key is taken for one.
    for file in (paths.etc / "first-password", paths.etc / "root.key", *paths.backup.rglob("*")):
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            found.update(_KEY.findall(text), (one.strip("\"',") for one in _CHOSEN.findall(text)))
    return sorted((one for one in found if len(one) >= SHORTEST_SECRET), key=len, reverse=True)


def without(secrets: list[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return text


def contents(paths: Paths) -> Iterator[tuple[str, str]]:
    """Names and texts. What cannot be had is told in its place: the box may be broken in any way."""
    yield "os-release.txt", Path("/etc/os-release").read_text(encoding="utf-8")
    yield "box.toml", _text_of(paths.box_toml)
    yield "release.txt", f"{paths.current.resolve()}\n"
    for name, command in COMMANDS.items():
        yield name, _output(command)
    for name, words in (("status.json", ["status", "--json"]), ("doctor.json", ["doctor", "--json"])):
        yield name, _output([sys.executable, "-P", "-m", "appliance.cli", *words])
    states = operations.list_states(paths, limit=50)
    yield "operations.json", json.dumps(encode(states), indent=1, ensure_ascii=False)
    node = _node(paths)
    for service in enabled(node):
        try:
            lines = "\n".join(supervisor_for(node).logs([service.name], lines=LINES))
        except (OSError, SupervisorError) as error:
            lines = str(error)
        yield f"logs/{service.name}.txt", lines


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return str(error)


def _node(paths: Paths) -> Node:
    """Where box.toml is wrong, by the default configuration: services and their logs are called the same."""
    try:
        return Node.load(paths)
    except config.ConfigError:
        return Node.of(paths, config.Box())


def _output(command: list[str]) -> str:
    try:
        done = run(command, env={"PYTHONPATH": str(_RELEASE)}, check=False, timeout=120)
    except (OSError, TimeoutError) as error:
        return str(error)
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
