"""Who has made an archive, and that nothing of it was changed, by OpenSSH itself."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from appliance.paths import Paths
from installer import release, signing
from installer.release import BadArchive
from installer.signing import NotSigned

from .conftest import NOW


def key(folder: Path, name: str) -> Path:
    made = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made], check=True)
    return made


def public(made: Path) -> Path:
    return made.with_name(f"{made.name}.pub")


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    archive = tmp_path / "korobka-1.tar.gz"
    archive.write_bytes(b"content")
    signing.sign(archive, key(tmp_path, "ours"))
    return archive


@pytest.fixture
def ours(signed: Path) -> str:
    return signing.lines_of([public(signed.with_name("ours"))])


def test_what_a_known_key_has_signed_is_taken(signed: Path, ours: str) -> None:
    signing.verify(signed, ours)


def test_what_was_changed_is_refused(signed: Path, ours: str) -> None:
    signed.write_bytes(b"contents")
    with pytest.raises(NotSigned, match="not what was signed"):
        signing.verify(signed, ours)


def test_what_another_key_has_signed_is_refused(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(NotSigned, match="a key that this box does not know"):
        signing.verify(signed, signing.lines_of([public(key(tmp_path, "other"))]))


def test_a_signature_for_something_else_is_none(signed: Path, ours: str) -> None:
    command = [
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-f",
        str(signed.with_name("ours")),
        "-n",
        "file",
        str(signed),
    ]
    signing.signature_of(signed).unlink()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    with pytest.raises(NotSigned):
        signing.verify(signed, ours)


def test_without_a_signature_nothing_is_taken(signed: Path, ours: str) -> None:
    signing.signature_of(signed).unlink()
    with pytest.raises(NotSigned, match=r"korobka-1\.tar\.gz\.sig is missing"):
        signing.verify(signed, ours)


def test_a_box_that_knows_no_key_says_what_to_do(signed: Path) -> None:
    with pytest.raises(NotSigned, match="--unsigned"):
        signing.verify(signed, "")


def test_the_keys_are_the_running_releases_and_roots(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    folder = paths.releases / "1"
    folder.mkdir(parents=True)
    paths.etc.mkdir(parents=True)
    release.switch(paths, folder)
    assert signing.known(paths) == ""
    (folder / signing.SIGNERS).write_text("one\n")
    (paths.etc / signing.SIGNERS).write_text("two\n")
    assert signing.known(paths) == "one\ntwo\n"


# --- packing


def test_a_tree_is_packed_the_same_whenever_and_by_whomever(tmp_path: Path) -> None:
    packed = []
    for number, (mode, moment, names) in enumerate(((0o600, 10**9, "ab"), (0o664, 10**9 + 7, "ba"))):
        tree = tmp_path / str(number) / "korobka-1"
        tree.mkdir(parents=True)
        for name in names:
            (tree / name).write_text(name)
            (tree / name).chmod(mode)
            os.utime(tree / name, (moment, moment))
        archive = tmp_path / f"{number}.tar.gz"
        release.write_archive(tree, archive, NOW)
        packed.append(archive.read_bytes())
    assert packed[0] == packed[1]
    with tarfile.open(tmp_path / "0.tar.gz") as tar:
        assert {(one.uname, one.mode, one.mtime) for one in tar if one.isreg()} == {
            ("root", 0o644, int(NOW.timestamp()))
        }


def test_a_commit_has_its_own_time_and_what_is_no_commit_has_none(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    (tmp_path / "manage.py").touch()
    assert release._committed_at(tmp_path) is None
    at = {**os.environ, "GIT_COMMITTER_DATE": "2026-11-24T10:00:00+0000"}
    for words in (["init", "-q"], ["add", "manage.py"], ["commit", "-qm", "One."]):
        subprocess.run([*git, *words], check=True, env=at)
    made = release._committed_at(tmp_path)
    assert made is not None
    assert made.isoformat() == "2026-11-24T10:00:00+00:00"
    (tmp_path / "manage.py").write_text("changed")
    assert release._committed_at(tmp_path) is None


# --- unpacking what comes from elsewhere


def archive_of(file: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made, b""


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([entry("../outside")], "cannot be unpacked"),
        ([entry("korobka/link", tarfile.SYMTYPE, "/etc/passwd")], "neither a file nor a folder"),
        ([entry("korobka/link", tarfile.LNKTYPE, "../../etc/passwd")], "neither a file nor a folder"),
        ([entry("korobka/device", tarfile.CHRTYPE)], "neither a file nor a folder"),
        ([entry("korobka/manage.py")], "is no release"),
    ],
)
def test_what_is_no_release_is_refused(
    tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], word: str
) -> None:
    archive = archive_of(tmp_path / "bad.tar.gz", *entries)
    with pytest.raises(BadArchive, match=word):
        release.unpack(archive, tmp_path / "unpacked")
    assert not (tmp_path / "outside").exists()


def test_a_torn_archive_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "torn.tar.gz", (tarfile.TarInfo("korobka/a"), b"a" * 100_000))
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(BadArchive, match="cannot be unpacked"):
        release.unpack(archive, tmp_path / "unpacked")
    archive.write_bytes(gzip.compress(b"no tar"))
    with pytest.raises(BadArchive):
        release.unpack(archive, tmp_path / "again")


def test_an_archive_is_bounded_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = archive_of(tmp_path / "bomb.tar.gz", (tarfile.TarInfo("korobka/a"), b"0" * 2000))
    monkeypatch.setattr(release, "MOST_BYTES", 1999)
    with pytest.raises(BadArchive, match="more than any release"):
        release.unpack(archive, tmp_path / "unpacked")
    assert not (tmp_path / "unpacked/korobka/a").exists()
