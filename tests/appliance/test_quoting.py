"""What a value is in a configuration is what the program reads from it, or it is refused."""

from __future__ import annotations

import configparser
import inspect
import shlex
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import config, quoting, templates, users
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.quoting import Unwritable
from appliance.services.database.names import BIN
from appliance.supervise import systemd

NO_FORMATS = ("control_in", "on_terminal")
FORMATS: list[Callable[[object], str]] = [
    function
    for name, function in inspect.getmembers(quoting, inspect.isfunction)
    if function.__module__ == quoting.__name__ and not name.startswith("_") and name not in NO_FORMATS
]
CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"]
lines = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)


@pytest.mark.parametrize("write", FORMATS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_no_format_lets_a_control_character_through(write: Callable[[object], str], control: str) -> None:
    try:
        written = write(f"a{control}b")
    except Unwritable as error:
        assert "on one line" in str(error)
        return
    # TOML writes them in other characters, as its readers know.
    assert write is quoting.toml
    assert control not in written


def test_no_template_prints_more_than_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unwritable):
        templates.render(
            "services/database/pg_hba.conf.j2",
            **dict.fromkeys(
                ("name", "superuser", "application", "owner", "replication", "rewind"),
                "a\nlocal all all trust",
            ),
            backup="b",
        )


@given(lines)
def test_toml_gives_it_back(text: str) -> None:
    assert tomllib.loads(f"key = {quoting.toml(text)}") == {"key": text}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_toml_gives_back_lines_too(text: str) -> None:
    assert tomllib.loads(f"key = {quoting.toml(text)}") == {"key": text}


@given(lines)
def test_a_shell_gives_it_back(text: str) -> None:
    assert shlex.split(quoting.shell(text)) == [text]
    assert shlex.split(quoting.haproxy(text)) == [text]


@given(lines)
def test_supervisord_gives_it_back_or_is_not_given_it(text: str) -> None:
    try:
        written = quoting.supervisord(text)
    except Unwritable:
        assert '"' in text or ";" in text or "#" in text
        return
    parser = configparser.ConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(f"[program:a]\nkey={written}\n")
    assert parser["program:a"]["key"] == text.strip()


@pytest.fixture
def folder_for_all() -> Iterator[Path]:
    """Not pytest's folder, which nobody else may enter."""
    with tempfile.TemporaryDirectory(prefix="korobka-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("text", ["a'b", "a\\b", "a\\'b", "'", "50%", "it''s \\n"])
def test_postgresql_gives_it_back(folder_for_all: Path, text: str) -> None:
    me = users.account(users.DATABASE)
    file = folder_for_all / "postgresql.conf"
    file.write_text(f"cluster_name = {quoting.postgresql(text)}\n")
    file.chmod(0o644)
    said = subprocess.run(
        [
            "setpriv", f"--reuid={me.uid}", f"--regid={me.gid}", "--clear-groups", "--",
            BIN / "postgres", "-C", "cluster_name", "-c", f"config_file={file}", "-D", file.parent,
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert said.stdout == f"{text}\n"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a b", '"a b"'),
        ("50%", '"50%%"'),
        ("$HOME", '"$$HOME"'),
        ('say "x"', '"say \\"x\\""'),
        ("a\\b", '"a\\\\b"'),
    ],
)
def test_words_reach_a_units_program_unchanged(text: str, quoted: str) -> None:
    assert quoting.unit_command_word(text) == quoted
    assert quoting.unit_word(text) == quoted.replace("$$", "$")


@pytest.mark.parametrize("text", ["", " /a", "/a ", "/a\\"])
def test_a_line_of_a_unit_is_not_cut_off_and_does_not_go_on(text: str) -> None:
    with pytest.raises(Unwritable):
        quoting.unit_line(text)


# The ways that there were


@pytest.fixture
def node(tmp_path: Path) -> Node:
    paths = Paths(tmp_path)
    for folder in (paths.data, paths.backup):
        folder.mkdir(parents=True)
    return Node(paths, config.Box(), config.new_secrets(), Machine(memory_mb=2048, cores=2))


def test_a_folder_brings_no_line_of_its_own_into_a_unit(node: Node) -> None:
    """`ExecStartPre=+` would run as root."""
    (node.paths.backup / "pgbackrest.conf").write_text("")
    places = node.paths.backup / "places.json"
    places.write_text('{"folders": ["/mnt/a\\nExecStartPre=+/bin/sh"], "network": false}')
    with pytest.raises(Unwritable):
        systemd.units(node)
    places.write_text('{"folders": ["/mnt/a b\\" +/etc"], "network": false}')
    text = systemd.units(node)["korobka-database.service"]
    (line,) = (line for line in text.splitlines() if line.startswith("ReadWritePaths="))
    assert shlex.split(line.removeprefix("ReadWritePaths="))[-1] == '/mnt/a b" +/etc'


@pytest.mark.parametrize(
    "endpoint",
    ["https://a\nb", "https://s3.example.com\n", "https://a b", "https://a'b", "https://a;b", "https://A)b"],
)
def test_an_address_in_box_toml_is_a_name_and_a_port(endpoint: str) -> None:
    text = config.set_values(
        "",
        {"objects.engine": "external", "objects.endpoint": "https://s3.example.com:9000"},
        from_console=False,
    )
    with pytest.raises(config.ConfigError, match=r"objects\.endpoint must be an address"):
        config.set_value(text, "objects.endpoint", endpoint, from_console=False)


@pytest.mark.parametrize("name", ["objects.ca_file", "objects.program"])
def test_a_path_in_box_toml_is_a_line(name: str) -> None:
    with pytest.raises(config.ConfigError, match="on one line"):
        config.set_value("", name, "/etc/a\nb", from_console=False)
