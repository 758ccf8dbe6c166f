"""Of a file that box.toml names as an authority, certificates are copied and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance import authorities, certificates, config
from appliance.config import ConfigError
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.services.telephony.sockets import AUTHORITY

OWN = certificates.create_authority("pbx.example.com")
PEM, KEY = certificates.certificate_pem(OWN.certificate), certificates.key_pem(OWN.key)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    paths = Paths(tmp_path / "box")
    paths.tls.mkdir(parents=True)
    return Node(paths, config.Box(), config.new_secrets(), Machine(2048, 2))


def naming(node: Node, file: Path) -> Node:
    return replace(
        node, box=replace(node.box, telephony=config.parse(f"[telephony]\nca_file = '{file}'\n").telephony)
    )


def copy_of(node: Node) -> Path:
    return node.paths.tls / AUTHORITY.name


def test_the_certificates_of_a_file_are_copied_and_not_the_key_beside_them(
    node: Node, tmp_path: Path
) -> None:
    file = tmp_path / "pbx.pem"
    file.write_bytes("Наш ключ\n".encode() + KEY + PEM + b"and a word\n" + PEM)
    AUTHORITY.keep(naming(node, file))
    assert copy_of(node).read_bytes() == PEM + PEM
    # From the copy it goes on when the file is gone.
    file.unlink()
    AUTHORITY.keep(naming(node, file))
    assert AUTHORITY.text_of(naming(node, file)).encode() == PEM + PEM


@pytest.mark.parametrize("text", [b"root:$y$j9T$secret:20000:0:99999:7:::\n", KEY, b"", b"\xff\x00"])
def test_nothing_is_copied_of_a_file_without_a_certificate(node: Node, tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "shadow"
    file.write_bytes(text)
    with pytest.raises(ConfigError, match=r"no certificate: .*`boxctl config set telephony\.ca_file FILE`"):
        AUTHORITY.keep(naming(node, file))
    assert not copy_of(node).exists()


def test_a_file_without_end_is_not_read_to_its_end(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "long.pem"
    file.write_bytes(PEM.ljust(authorities.MOST_BYTES, b"\n"))
    AUTHORITY.keep(naming(node, file))
    with file.open("ab") as more:
        more.write(b"\n")
    with pytest.raises(ConfigError, match="holds no certificate"):
        AUTHORITY.keep(naming(node, file))
    with pytest.raises(OSError, match="is no file"):
        authorities.certificates_of(Path("/dev/zero"))


def test_where_neither_the_file_nor_a_copy_is_there_it_says_what_to_do(node: Node, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"boxctl config set telephony\.ca_file"):
        AUTHORITY.text_of(naming(node, tmp_path / "nowhere"))
