"""What root makes, gives and opens goes through `appliance.files` and `as_owner`, which follow no link."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("appliance", "backup", "installer")
SAFE = {"appliance/files.py", "appliance/as_owner.py"}

RAW = {
    *("chown", "lchown", "fchown", "chmod", "fchmod", "mkdir", "makedirs", "mkdtemp", "mkfifo", "touch"),
    *("write_text", "write_bytes", "symlink_to", "hardlink_to", "copytree", "copy2", "copyfile", "move"),
}
"""Whatever has such a name: of `os`, of `shutil`, of a path."""
OPENED = {"w", "a", "x", "wb", "ab", "xb", "r+", "r+b", "w+", "w+b"}

ALLOWED = {
    "appliance/agent/disk.py": "the ballast, in data: a folder of root's own",
    "appliance/agent/journal.py": "journals, in data/operations: a folder that root alone enters",
    "appliance/agent/operations/__init__.py": "the gate and logs, in data/operations: as above",
    "appliance/agent/operations_log.py": "operations.log, in the folder of logs: root's own",
    "appliance/cluster/offers.py": "an archive beside the releases, which are root's own",
    "appliance/scratch.py": "box.toml of a developer's box, in etc: root's own",
    "appliance/services/objects/recovery.py": "never root: the store's user, in the folder of its volumes",
    "appliance/supervise/launch.py": "stands alone, without any import; run/starts is root's own",
    "backup/download_file.py": "a new file where root says at the terminal, never through a link",
    "backup/pack_engine.py": "never root: the engines' user, in a folder of its own, and /dev/null",
    "backup/volumes.py": "as above: the lock of its index",
    "installer/bundle.py": "the developer's folder for a bundle",
    "installer/dist_packages.py": "the environment of a release that is being built",
    "installer/image/build.py": "the developer's folder for an image, and the root that becomes it",
    "installer/image/formats.py": "as above",
    "installer/image/start.py": "marks of the first start, in folders of Debian's that are root's own",
    "installer/install.py": "the developer's folder for an image",
    "installer/packages.py": "Debian's own folders under /etc",
    "installer/release.py": "releases, which are root's own, and the developer's folder for an archive",
    "installer/steps/configuration.py": "the folder of boxctl, which is the system's",
}
"""Files that may, and why: each of these places lies where a service can put nothing."""


def _files() -> Iterator[Path]:
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")


def _raw(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = [word.value for word in node.args if isinstance(word, ast.Constant)]
        creates = any(isinstance(part, ast.Attribute) and part.attr == "O_CREAT" for part in ast.walk(node))
        if called in RAW or (called == "open" and (OPENED.intersection(map(str, words)) or creates)):
            yield f"{called}, line {node.lineno}"


def _found() -> dict[str, list[str]]:
    found = {str(file.relative_to(ROOT)): [*_raw(ast.parse(file.read_text()))] for file in _files()}
    return {name: calls for name, calls in found.items() if calls}


def test_nothing_is_made_or_given_but_by_way_of_descriptors() -> None:
    found = {name: calls for name, calls in _found().items() if name not in SAFE | ALLOWED.keys()}
    assert found == {}, "use appliance.files, or appliance.as_owner within a folder of a service"


def test_no_exception_is_left_that_nobody_needs() -> None:
    assert ALLOWED.keys() - _found().keys() == set()
