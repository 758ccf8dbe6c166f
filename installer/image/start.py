"""Makes a box of the machine that the image has become, and tells its console where it is.

It runs at every start and every now and then, as root on a bare Python, and does what is still to be done.
Nobody is asked: the portal is called by the name that the network has for this machine, else by its address.
"""

from __future__ import annotations

import ipaddress
import json
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.cluster import topology
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.runner import CommandFailed, run
from installer import first_password
from installer.options import configured, is_host_name
from installer.release import Source

HERE = Path(__file__).resolve().parents[2]
ADMINISTRATOR = "admin@korobka.internal"
"""Who signs in first, until they give their own address; .internal is nobody's on the Internet."""
_LAST_LINES = 8


@dataclass(frozen=True)
class Machine:
    """Where things lie on it."""

    root: Path = Path("/")

    @property
    def paths(self) -> Paths:
        return Paths(self.root)

    @property
    def is_installed_mark(self) -> Path:
        """Exists once the box was made, whatever becomes of the box later; says by which name."""
        return self.root / "var/lib/korobka-image/installed"

    @property
    def root_password(self) -> Path:
        return self.root / "var/lib/korobka-image/root-password"

    @property
    def issue(self) -> Path:
        """What agetty shows above its question (agetty(8))."""
        return self.root / "run/issue.d/korobka.issue"

    @property
    def shadow(self) -> Path:
        return self.root / "etc/shadow"


def main() -> int:
    machine = Machine()
    password = make_root_password(machine)
    found = addresses()
    if not found:
        tell(machine, ["Korobka waits for an address: it takes one from the network (DHCP)."], password)
        return 1
    try:
        if name := name_to_install(machine, found):
            tell(machine, ["Korobka is being set up. That takes some minutes."], password)
            install(machine, name)
    except CommandFailed as error:
        why = (error.completed.stdout + error.completed.stderr).strip().splitlines()
        print(*why, sep="\n", file=sys.stderr)  # noqa: T201 - for the journal
        tell(
            machine,
            ["Korobka could not be set up, and tries again. It says:", "", *why[-_LAST_LINES:]],
            password,
        )
        return 1
    tell(machine, where_it_is(machine, now=datetime.now(UTC)), password)
    return 0


def name_to_install(machine: Machine, found: Sequence[str]) -> str | None:
    """The portal's name, where it has none, or an address that it was given here and that is not this
    machine's any more. One that somebody has chosen is theirs, and one of a cluster that of all its nodes."""
    if not machine.is_installed_mark.exists():
        return network_name(found[0]) or found[0]
    now = configured(machine.paths, "hostname", "")
    given = machine.is_installed_mark.read_text(encoding="utf-8")
    is_ours = now == given and not topology.file_of(machine.paths).exists()
    return found[0] if is_ours and _is_address(now) and now not in found else None


def install(machine: Machine, name: str) -> None:
    """Everything that the image has not: secrets, users, database, services. What is there is left alone."""
    email = f"admin@{name}" if "." in name and not _is_address(name) else ADMINISTRATOR
    run(
        ["/usr/bin/python3", "-P", "-B", "-m", "installer", "install", "--silent",
         "--hostname", name, "--admin-email", email],
        env={"PYTHONPATH": str(HERE)},
    )  # fmt: skip
    _note(machine.is_installed_mark, name)


def where_it_is(machine: Machine, *, now: datetime) -> list[str]:
    """What the person at the console wants to know."""
    if not machine.paths.box_toml.exists():
        return ["Korobka was removed from this machine."]
    box = tomllib.loads(machine.paths.box_toml.read_text(encoding="utf-8"))
    port = box.get("balancer", {}).get("https_port", 443)
    address = f"https://{box['hostname']}{'' if port == 443 else f':{port}'}/"
    lines = [f"Korobka {Source(machine.paths.current.resolve()).version}", "", f"The portal:  {address}"]
    if kept := first_password.unseen(machine.paths, now=now):
        lines += [f"Sign in as:  {kept.email}", f"Password:    {kept.password}   (shown here for a day)"]
    return [*lines, "", "Its name, addresses and certificate: log in here, `boxctl --help`."]


def tell(machine: Machine, lines: Sequence[str], root_password: str | None) -> None:
    """Puts it on the console, and has every open one show it."""
    if root_password:
        lines = [
            *lines,
            "",
            f"This machine: root, password {root_password}; it asks for another one at once.",
        ]
    text = "\n" + "".join(f"  {line}".rstrip() + "\n" for line in map(_plain, lines)) + "\n"
    if not machine.issue.exists() or machine.issue.read_text(encoding="utf-8") != text:
        _note(machine.issue, text)
        run(["agetty", "--reload"], check=False)


def make_root_password(machine: Machine) -> str | None:
    """Root's password, expired from the start, until root has chosen another one."""
    fresh = machine.root_password.with_suffix(".new")
    password, changed = _shadow(machine)
    if password[:1] in ("*", "!", "") or fresh.exists():
        made = first_password.new_password()
        # A run that ends in between does it again.
        _note(fresh, made)
        run(["chpasswd"], stdin=f"root:{made}\n")
        run(["passwd", "--expire", "root"])
        fresh.rename(machine.root_password)
        return made
    if changed == "0" and machine.root_password.exists():
        return machine.root_password.read_text(encoding="utf-8")
    machine.root_password.unlink(missing_ok=True)
    return None


def _note(file: Path, text: str) -> None:
    """Root's alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text, mode=0o600)


def _shadow(machine: Machine) -> tuple[str, str]:
    """Root's hash, and the day of the last change; 0 asks for a change (shadow(5))."""
    lines = machine.shadow.read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("root:"))
    _, password, changed, *_ = line.split(":")
    return password, changed


def addresses() -> list[str]:
    """This machine's own, as others reach it."""
    told = json.loads(run(["ip", "-4", "-json", "address", "show", "scope", "global", "up"]).stdout)
    return [info["local"] for link in told for info in link.get("addr_info", ())]


def network_name(address: str) -> str | None:
    """What the network's name server calls this address, if the name leads back to it."""
    for name in _resolve(address):
        if "." in name and is_host_name(name) and address in _resolve(name):
            return name
    return None


def _resolve(question: str) -> Iterable[str]:
    """By the name servers alone: of this machine the resolver would tell what the machine calls itself."""
    query = ["resolvectl", "--synthesize=no", "--legend=no", "query", question]
    for line in run(query, check=False, timeout=30).stdout.splitlines():
        # "10.0.0.7: box.example.com", and more of them below, indented.
        yield line.removeprefix(f"{question}:").split("--")[0].strip().rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _plain(line: str) -> str:
    """agetty replaces what follows a backslash, and a terminal obeys control characters."""
    return "".join(character for character in line if character.isprintable()).replace("\\", "/")


if __name__ == "__main__":
    sys.exit(main())
