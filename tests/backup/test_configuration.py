"""What comes out of a set's configuration is what a box packs into one, whoever has written the set."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from appliance import authorities, certificates, config
from appliance.backup_file import file_of
from appliance.files import write_atomically
from appliance.paths import Paths
from backup import configuration, sealed_authority, sets, settings, store_authorities
from backup.configuration import NoConfiguration
from backup.keys import MasterKey, RecoveryKey
from backup.settings import BackupRefused, Settings

BOX = ("box.toml", b"# ours\n[objects]\nport = 9000\n")
SECRETS = ("secrets.toml", b'secret_key = "k"\n')
PROGRAM = b'# ours\n[objects]\nprogram = "/tmp/mine" # why\nport = 9000\n[cluster]\nprovider = "/tmp/too"\n'


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """An empty machine."""
    paths = Paths(tmp_path / "empty")
    paths.tls.mkdir(parents=True)
    paths.backup.mkdir()
    return paths


def forged(*files: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type = len(content), kind
            tar.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def put(packed: io.BytesIO, paths: Paths, key: RecoveryKey | None = None) -> tuple[str, ...]:
    return configuration.put(configuration.read(packed), paths, key)


@pytest.mark.parametrize(
    "name",
    [
        "./cluster/cluster.json", "./box.toml", "tls/./ca.crt", "tls//ca.crt", "/etc/shadow", "../box.toml",
        "tls/../../release-signers", "tls/a\nb", "/".join("tls" for _ in range(9)),
    ],
)  # fmt: skip
def test_no_name_is_said_another_way_than_packing_says_it(paths: Paths, name: str) -> None:
    with pytest.raises(NoConfiguration, match="which no box has packed"):
        put(forged(BOX, (name, b"{}")), paths)
    assert names_in(paths.etc) == set()


def test_what_no_box_packs_stays_out(paths: Paths) -> None:
    """The nodes of a cluster, a root key that somebody knows, whose releases are taken, a link or a pipe."""
    others = [
        "cluster/cluster.json", "cluster.unfinished", "root.key", "release-signers", "first-password",
        "generated/portal/portal.json", "notices-due", "box.toml/inner", "tls", "backup", "tls/.ca.crt",
        "tls/.hidden/ca.crt", ".root.key.lock",
    ]  # fmt: skip
    put(forged(BOX, SECRETS, ("tls/ca.crt", b"c"), *((name, b"x") for name in others)), paths)
    assert names_in(paths.etc) == {"box.toml", "secrets.toml", "tls/ca.crt"}
    for kind in (tarfile.FIFOTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
        found = configuration.read(forged(("tls/portal.pem", b""), kind=kind))
        assert (found.files, found.left_out) == ({}, ("tls/portal.pem",))


def test_beside_a_seal_no_plain_key_of_the_authority_is_taken(paths: Paths, tmp_path: Path) -> None:
    box = Paths(tmp_path / "box")
    box.tls.mkdir(parents=True)
    certificates.ensure(box, "portal.example.com")
    seal = sealed_authority.sealed(box)
    assert seal
    key, theirs = sealed_authority.root_key(box), RecoveryKey.new()
    known = (
        (sealed_authority.SEALED, seal),
        (sealed_authority.KEY, b"theirs"),
        ("root.key", f"{theirs}\n".encode()),
    )
    for order in (known, known[::-1]):
        put(forged(*order), paths)
        assert names_in(paths.etc) == {sealed_authority.SEALED}
    put(forged(*known), paths, key)
    assert (paths.etc / sealed_authority.KEY).read_bytes() == (box.tls / "ca.key").read_bytes()
    assert sealed_authority.root_key(paths).value == key.value


def test_one_that_holds_too_much_is_refused_before_it_is_unpacked(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = configuration.MOST_FILES
    assert len(configuration.read(forged(*_files(most))).files) == most
    with pytest.raises(NoConfiguration, match="more than any"):
        configuration.read(forged(*_files(most + 1)))
    bomb = gzip.compress(bytes(configuration.MOST_BYTES + 1))
    with pytest.raises(NoConfiguration, match="larger than any"):
        configuration.read(io.BytesIO(bomb))
    # It says of itself that it is large, and holds nothing.
    sparse = tarfile.TarInfo("tls/sparse")
    sparse.size = 512
    told = {"major": "1", "minor": "0", "name": "tls/sparse", "realsize": str(1 << 40)}
    sparse.pax_headers = {f"GNU.sparse.{name}": value for name, value in told.items()}
    tar = sparse.tobuf(tarfile.PAX_FORMAT) + b"0\n".ljust(512, b"\0") + bytes(1024)
    with pytest.raises(NoConfiguration, match="more than any"):
        configuration.read(io.BytesIO(gzip.compress(tar)))
    monkeypatch.setattr(configuration, "MOST_PACKED", 100)
    with pytest.raises(NoConfiguration, match="larger than any"):
        configuration.read(forged(BOX, SECRETS))


def _files(count: int) -> Iterable[tuple[str, bytes]]:
    return ((f"tls/{number}", b"") for number in range(count))


def test_what_could_not_be_brought_back_is_not_packed(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    (paths.tls / "disk.img").write_bytes(bytes(configuration.MOST_BYTES // 2))
    assert configuration.read(io.BytesIO(configuration.pack(paths))).files.keys() == {"tls/disk.img"}
    (paths.tls / "more").write_bytes(b"x")
    with pytest.raises(BackupRefused, match="move out of its folders"):
        configuration.pack(paths)


def test_one_that_ends_early_or_says_a_name_twice_is_damaged(paths: Paths) -> None:
    for text in (b"", b"nonsense", gzip.compress(b"nonsense"), forged(BOX).getvalue()[:-9]):
        with pytest.raises(NoConfiguration):
            configuration.read(io.BytesIO(text))
    # Each header says that another one follows.
    headers = tarfile.TarInfo.create_pax_global_header({"a": "b"}) * 2000
    with pytest.raises(NoConfiguration):
        configuration.read(io.BytesIO(gzip.compress(headers + gzip.decompress(forged(BOX).getvalue()))))
    with pytest.raises(NoConfiguration, match=r"box\.toml twice"):
        configuration.read(forged(BOX, BOX))


def test_no_program_comes_out_of_a_set_and_the_rest_of_box_toml_does(paths: Paths) -> None:
    assert put(forged(("box.toml", PROGRAM)), paths) == ("objects.program", "cluster.provider")
    text = paths.box_toml.read_text()
    assert text.startswith("# ours") and config.parse(text).objects.port == 9000
    assert {
        config.value_of(config.parse(text), name) for name, key in config.KEYS.items() if key.is_program
    } == {""}
    assert put(forged(BOX), paths) == ()
    assert paths.box_toml.read_bytes() == BOX[1]


@pytest.mark.parametrize(
    "text",
    [
        'objects = {port = 9000, program = "/tmp/mine"}\n',
        'objects.port = 9000\n"objects.program" = "/tmp/mine"\n',
        '[objects]\nport = 9000\n"program" = """/tmp/mine"""\n',
        '["objects"]\n"\\u0070rogram" = \'/tmp/mine\'\nport = 9000\n',
    ],
)
def test_a_program_is_found_however_it_is_written(paths: Paths, text: str) -> None:
    assert config.parse(text).objects.program == "/tmp/mine"
    assert put(forged(("box.toml", text.encode())), paths) == ("objects.program",)
    box = config.load(paths)
    assert (box.objects.program, box.objects.port) == ("", 9000)


@pytest.mark.parametrize("text", [b"nonsense", b"\xff"])
def test_a_box_toml_that_cannot_be_read_is_refused_before_anything_is_put_there(
    paths: Paths, text: bytes
) -> None:
    with pytest.raises(BackupRefused, match=r"box\.toml of this set cannot be read"):
        put(forged(SECRETS, ("box.toml", text)), paths)
    assert names_in(paths.etc) == set()


def test_the_settings_of_a_set_name_no_file_of_which_more_than_certificates_is_read(
    paths: Paths, tmp_path: Path
) -> None:
    own = certificates.create_authority("store.example.com")
    pem, key = certificates.certificate_pem(own.certificate), certificates.key_pem(own.key)
    file, saved = tmp_path / "ca.pem", file_of(paths)
    write_atomically(saved, "{}", mode=0o600)
    settings.save(paths, Settings(MasterKey.new().value.hex(), ""))
    said = json.loads(saved.read_text())
    target = {"number": 1, "name": "a", "kind": "s3", "path": "p", "ca_file": str(file)}
    saved.write_text(json.dumps(said | {"targets": [target]}))
    for text, taken in ((b"a secret\n", ""), (key + pem, pem.decode())):
        file.write_bytes(text)
        assert settings.load(paths).targets[0].ca_pem == taken
    assert store_authorities.checked((key + pem).decode()) == pem.decode()
    with pytest.raises(BackupRefused, match="BEGIN CERTIFICATE"):
        store_authorities.checked(pem.decode().ljust(authorities.MOST_BYTES + 1))


def test_of_a_manifest_no_line_is_read_that_no_box_has_written(tmp_path: Path) -> None:
    """It costs no more than the bound, whatever it unpacks to."""
    manifest = tmp_path / "manifest.jsonl.gz"
    with gzip.open(manifest, "wt", encoding="utf-8") as file:
        file.write("[1]\n" + "x" * sets.LONGEST_LINE + "\n")
    lines = sets.lines_in(manifest)
    assert next(lines) == "[1]\n"
    with pytest.raises(ValueError, match="longer than any of a manifest"):
        next(lines)
    with gzip.open(manifest, "wt", encoding="utf-8") as file:
        file.write("x" * (sets.LONGEST_LINE - 1) + "\n[1]")
    assert [len(line) for line in sets.lines_in(manifest)] == [sets.LONGEST_LINE, 3]
