"""boxctl as an administrator types it, on a running box, with the agent there and away."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from appliance import certificates, cli, scratch
from appliance.agent import operations
from appliance.agent.answers import ClusterNode, ClusterState, InstanceState, ServiceState
from appliance.agent.journal import Journal
from appliance.agent.operations import apply as apply_program
from appliance.commands import common
from appliance.commands.status import figures, rows_of
from appliance.node import Node
from appliance.runner import CommandFailed, Completed
from installer.cluster import _show as show_cluster
from installer.progress import Outcome, PlainProgress
from tests.appliance.boxes import ROOT, boxctl, recorded, running_box, wait_until


@pytest.fixture(scope="module")
def box() -> Iterator[Node]:
    with running_box("agent", "cache", "balancer") as node:
        yield node


def status_of(node: Node) -> dict[str, dict[str, Any]]:
    services = json.loads(boxctl(node, "status", "--json").stdout)["services"]
    return {service["name"]: service for service in services}


def pid_of(node: Node, name: str) -> Any:
    [instance] = status_of(node)[name]["instances"]
    return instance["pid"]


@pytest.fixture
def without_agent(box: Node) -> Iterator[Node]:
    assert boxctl(box, "stop", "agent").returncode == 0
    yield box
    assert boxctl(box, "start", "agent").returncode == 0


# The dispatcher


def test_help_names_every_subcommand(box: Node) -> None:
    done = boxctl(box, "--help")
    assert done.returncode == 0
    for name, subcommand in cli.SUBCOMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(subcommand.help)}$", done.stdout, re.MULTILINE)
    assert boxctl(box).returncode == 2


def test_an_unknown_subcommand_is_refused(box: Node) -> None:
    done = boxctl(box, "statsu")
    assert done.returncode == 1
    assert "'statsu'" in done.stderr
    assert "--help" in done.stderr


@pytest.mark.parametrize("name", ["status", "logs", "start", "stop", "restart", "config", "certificate"])
def test_every_own_subcommand_has_its_help(box: Node, name: str) -> None:
    done = boxctl(box, name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: boxctl {name}")


def test_the_dispatcher_imports_nobody() -> None:
    program = "import sys, appliance.cli; print(*sorted(n for n in sys.modules if n[:9] == 'appliance'))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["appliance", "appliance.cli"]


def test_root_imports_nothing_from_the_folder_it_stands_in(box: Node, tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise SystemExit('imported from the current folder')")
    command, environment = cli.compose(cli.SUBCOMMANDS["config"], ["check"], box.paths.prefix)
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_subcommands_of_other_rooms_run_their_programs(box: Node) -> None:
    doctor, _ = cli.compose(cli.SUBCOMMANDS["doctor"], ["--json"], box.paths.prefix)
    assert doctor[1:] == ["-m", "installer", "doctor", "--json"]
    uninstall, _ = cli.compose(cli.SUBCOMMANDS["uninstall"], ["--purge"], box.paths.prefix)
    assert uninstall[1:] == ["-m", "installer", "uninstall", "--purge"]


@pytest.mark.usefixtures("as_root")
def test_what_is_the_portals_runs_as_its_user_and_cannot_come_back(
    box: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor can those who have that user, as web workers do: they see nothing of root's, and do not get at the
    terminal that it is given."""
    for name, value in {"OF_ROOT": "private", "TERM": "vt100", "SUDO_USER": "olga"}.items():
        monkeypatch.setenv(name, value)
    command, environment = cli.compose(cli.SUBCOMMANDS["user"], ["list"], box.paths.prefix)
    assert command[-3:] == [str(ROOT / "manage.py"), "user", "list"]
    config = box.generated("portal") / "portal.json"
    assert environment["KOROBKA_CONFIG"] == str(config)
    assert (environment["TERM"], environment["KOROBKA_ASKED_BY"]) == ("vt100", "olga")
    assert "OF_ROOT" not in environment
    program = (
        "import os, subprocess\n"
        "print(os.getuid(), os.getgid(), len(open(os.environ['KOROBKA_CONFIG']).read()) > 100)\n"
        "print(open('/proc/self/status').read())\n"
        "look = ['cat', f'/proc/{os.getpid()}/environ']\n"
        "print('Looked into:', subprocess.run(look, capture_output=True).stdout)\n"
    )
    with tempfile.TemporaryDirectory(prefix="korobka-") as folder:
        file = Path(folder) / "program.py"
        file.write_text(program)
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [*command[:-3], str(file)], env=environment, capture_output=True, text=True, check=True
        )
    owner = config.stat()
    assert done.stdout.startswith(f"{owner.st_uid} {owner.st_gid} True\n")
    assert re.search(r"^NoNewPrivs:\s+1$", done.stdout, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("Looked into: b''\n")


@pytest.mark.usefixtures("as_root")
def test_what_status_asks_of_the_portal_has_nothing_of_roots_environment(
    box: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_ROOT", "private")
    told = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    monkeypatch.setattr("appliance.commands.status.compose", lambda *_: (told, {"OF_THE_PORTAL": "1"}))
    found = figures(box.paths) or {}
    assert found["OF_THE_PORTAL"] == "1" and "OF_ROOT" not in found


def test_a_box_that_is_not_there_is_named(tmp_path: Path, box: Node) -> None:
    done = boxctl(box, "status", env={"KOROBKA_PREFIX": str(tmp_path / "nowhere")})
    assert done.returncode == 1
    assert "install.sh" in done.stderr


# status and logs


def test_status_in_words_and_as_data_tell_the_same(box: Node) -> None:
    words, data = boxctl(box, "status"), boxctl(box, "status", "--json")
    assert words.returncode == data.returncode == 1, "services are stopped here, so not all is well"
    status = json.loads(data.stdout)
    assert status["has_agent"]
    assert not status["is_healthy"]
    for service in status["services"]:
        for instance in service["instances"]:
            [line] = [line for line in words.stdout.splitlines() if line.split("\t")[0] == instance["name"]]
            assert line.split("\t")[1] == instance["state"]
            assert (line.split("\t")[5] == "healthy") == instance["is_healthy"]
    assert datetime.fromisoformat(status["at"])


def test_status_works_without_the_agent_and_says_so(without_agent: Node) -> None:
    done = boxctl(without_agent, "status")
    assert done.returncode == 1
    assert "boxctl start agent" in done.stdout
    assert re.search(r"^cache\trunning\t", done.stdout, re.MULTILINE)
    assert not json.loads(boxctl(without_agent, "status", "--json").stdout)["has_agent"]


def test_status_tells_why_nothing_can_be_written(without_agent: Node) -> None:
    # With the agent there, its guard would take the flag away at once: the disk is not full.
    box = without_agent
    flag = box.paths.run / "state/read-only"
    flag.write_text("The disk is full.\n")
    try:
        assert "takes no writes. The disk is full." in boxctl(box, "status").stdout
    finally:
        flag.unlink(missing_ok=True)


def test_logs_of_one_service(box: Node) -> None:
    done = boxctl(box, "logs", "agent", "-n", "1000")
    assert done.returncode == 0
    assert "Listening at" in done.stdout
    unknown = boxctl(box, "logs", "squid")
    assert unknown.returncode == 1
    assert "There are: agent," in unknown.stderr


# start, stop, restart


def test_stop_and_start(box: Node) -> None:
    assert boxctl(box, "stop", "cache", env={"SUDO_USER": "anna"}).stdout == "cache is stopped.\n"
    assert status_of(box)["cache"]["state"] == "stopped"
    assert boxctl(box, "start", "cache").stdout == "cache is started.\n"
    assert status_of(box)["cache"]["is_healthy"]
    asked = [line for line in recorded(box) if line["operation"] == "stop cache"]
    assert (asked[-1]["by"], asked[-1]["acting"]) == ("anna", "root")


def test_restart_is_recorded_with_the_person_behind_sudo(box: Node) -> None:
    before = pid_of(box, "cache")
    done = boxctl(box, "restart", "cache", env={"SUDO_USER": "boris"})
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith("[0/1] cache: restarting")
    assert done.stdout.splitlines()[-1] == "cache: restarted."
    assert pid_of(box, "cache") != before
    assert recorded(box)[-1]["by"] == "boris"


def test_restart_works_without_the_agent(without_agent: Node) -> None:
    before = pid_of(without_agent, "cache")
    assert boxctl(without_agent, "restart", "cache").returncode == 0
    assert pid_of(without_agent, "cache") != before


def test_the_agent_can_be_restarted_through_itself(box: Node) -> None:
    before = pid_of(box, "agent")
    done = boxctl(box, "restart", "agent")
    assert done.returncode == 0, done.stderr
    assert pid_of(box, "agent") != before


def test_restart_of_what_does_not_exist(box: Node) -> None:
    done = boxctl(box, "restart", "squid")
    assert done.returncode == 1
    assert "There is no service squid" in done.stderr


def test_no_service_inherits_what_boxctl_carries(box: Node) -> None:
    """Also not through the supervisor, which is started by whoever is the first to need it."""
    scratch.stop(box)
    carried = {"SUDO_USER": "boris", "API_TOKEN": "secret"}
    for service in ("agent", "cache", "balancer"):
        assert boxctl(box, "start", service, env=carried).returncode == 0
    boxctl(box, "restart", "cache")
    environment = Path(f"/proc/{pid_of(box, 'cache')}/environ").read_bytes()
    for name in (b"SUDO_USER", b"API_TOKEN", b"PYTHONPATH", b"PYTHONSAFEPATH", b"KOROBKA_OPERATION"):
        assert name not in environment


# config


def test_config_show_set_and_check(box: Node) -> None:
    shown = boxctl(box, "config", "show", "cache")
    assert shown.stdout == "cache.memory_mb = 64\n"
    done = boxctl(box, "config", "set", "cache.memory_mb", "40")
    assert done.returncode == 0, done.stderr
    assert "In force: cache." in done.stdout
    assert json.loads(boxctl(box, "config", "show", "cache.memory_mb", "--json").stdout) == {
        "cache.memory_mb": 40
    }
    assert boxctl(box, "config", "check").returncode == 0
    assert boxctl(box, "config", "apply").stdout == "Nothing to do: it is in force already.\n"


def test_root_may_set_root_only_keys(box: Node) -> None:
    assert boxctl(box, "config", "set", "database.max_connections", "120").returncode == 0
    assert boxctl(box, "config", "show", "database.max_connections").stdout.endswith("= 120\n")


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("cache.memory_mb", "many"), "must be a whole number"),
        (("cache.memory_mb", "1"), "must be between"),
        (("cache.memroy_mb", "64"), "did you mean cache.memory_mb"),
        (("cache.memory_mb",), "needs a value"),
    ],
)
def test_a_bad_value_is_refused_and_changes_nothing(box: Node, words: tuple[str, ...], cure: str) -> None:
    before = box.paths.box_toml.read_bytes()
    done = boxctl(box, "config", "set", *words)
    assert done.returncode in (1, 2)
    assert cure in done.stderr
    assert box.paths.box_toml.read_bytes() == before


def test_a_mistake_is_shown_with_its_line(box: Node) -> None:
    good = box.paths.box_toml.read_text()
    box.paths.box_toml.write_text("hostname = 7\n" + good.replace('hostname = "localhost"\n', ""))
    try:
        for verb in ("check", "apply"):
            done = boxctl(box, "config", verb)
            assert done.returncode == 1
            assert "line 1: hostname must be a text in quotes" in done.stderr
    finally:
        box.paths.box_toml.write_text(good)


def test_keys_that_need_each_other_are_set_together(box: Node) -> None:
    before = box.paths.box_toml.read_text()
    for yes, addresses in (("true", "10.0.0.1"), ("false", "")):
        done = boxctl(
            box, "config", "set", "balancer.proxy_protocol", yes, "balancer.trusted_proxies", addresses
        )
        assert done.returncode == 0, done.stderr
        assert "In force: balancer." in done.stdout
    box.paths.box_toml.write_text(before)
    assert boxctl(box, "config", "apply").returncode == 0


@pytest.mark.parametrize("key", ["balancer.http_port", "balancer.https_port"])
def test_what_a_service_refuses_is_taken_back(box: Node, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A port that is taken: the text is right, and only the start shows that it does not work."""
    monkeypatch.setenv("KOROBKA_PREFIX", str(box.paths.prefix))
    before = box.paths.box_toml.read_text()
    pid = pid_of(box, "balancer")
    with a_port_that_is_taken() as port:
        journal = begin_here(box, {key: port}, monkeypatch)
        with pytest.raises(SystemExit):
            apply_program.main()
    end = journal.state()
    assert end.state == "failed"
    assert "because a port is taken" in end.progress.text
    assert end.progress.text.endswith("What was in force before is in force again.")
    assert box.paths.box_toml.read_text() == before
    assert pid_of(box, "balancer") == pid
    assert status_of(box)["balancer"]["is_healthy"]


def begin_here(box: Node, values: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> Journal:
    """An operation that this process performs itself."""
    journal = Journal.begin(
        box.paths.operations, "apply", {"values": values, "from_console": False}, by="anna"
    )
    lock = journal.take()
    assert lock is not None
    journal.append("attempt", number=1)
    monkeypatch.setenv(operations.JOURNAL_VARIABLE, str(journal.path))
    return journal


@contextmanager
def a_port_that_is_taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


# certificate


def served(box: Node) -> str:
    """SHA-256 of the certificate that the balancer shows."""
    pem = ssl.get_server_certificate(("127.0.0.1", box.box.balancer.https_port))
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


def test_certificate_is_shown(box: Node) -> None:
    data = json.loads(boxctl(box, "certificate", "show", "--json").stdout)
    assert "localhost" in data["names"]
    assert data["sha256"] == served(box)
    words = boxctl(box, "certificate", "show")
    assert words.returncode == 0
    assert ("ca.crt" in words.stdout) == data["is_own"]
    assert re.search(r"^Valid: .* days left\)$", words.stdout, re.MULTILINE)


def test_a_requested_certificate_replaces_the_old_one_without_a_new_process(
    box: Node, tmp_path: Path
) -> None:
    request = x509.load_pem_x509_csr(boxctl(box, "certificate", "csr").stdout.encode())
    company = certificates.create_authority("localhost")
    signed = sign(request, company)
    file = tmp_path / "signed.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pid = pid_of(box, "balancer")
    done = boxctl(box, "certificate", "replace", file)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: served(box) == signed.fingerprint(hashes.SHA256()).hex())
    assert pid_of(box, "balancer") == pid
    assert not certificates.request_key(box.paths).exists()
    assert any(
        str(line["operation"]).startswith("certificate replace CN=localhost") for line in recorded(box)
    )


def test_a_certificate_that_does_not_fit_is_refused(box: Node, tmp_path: Path) -> None:
    before = hashlib.sha256((box.paths.tls / "portal.pem").read_bytes()).digest()
    company = certificates.create_authority("other.example.com")
    bundle = certificates.issue(company, "other.example.com")
    file = tmp_path / "other.pem"
    file.write_bytes(bundle.pem())
    done = boxctl(box, "certificate", "replace", file, file)
    assert done.returncode == 1
    assert "is for other.example.com and not for localhost" in done.stderr
    assert hashlib.sha256((box.paths.tls / "portal.pem").read_bytes()).digest() == before


def sign(request: x509.CertificateSigningRequest, company: certificates.Authority) -> x509.Certificate:
    """What the company's authority does with a request: its key and names, our signature."""
    key = request.public_key()
    model = certificates.issue(company, "localhost").certificate
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    builder = x509.CertificateBuilder(
        issuer_name=company.certificate.subject,
        subject_name=request.subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=model.not_valid_before_utc,
        not_valid_after=model.not_valid_after_utc,
    )
    return builder.add_extension(names.value, critical=False).sign(company.key, hashes.SHA256())


def test_what_a_service_says_cannot_play_with_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    said = "GET /\x1b]0;owned\x07\x9b2J Ё"
    shown = "GET /\\u001b]0;owned\\u0007\\u009b2J Ё"
    common.say(said)
    for error in (CommandFailed(Completed(("psql",), 2, "", said)), OSError(said)):
        with pytest.raises(SystemExit), common.plain_errors():
            raise error
    of_services = ServiceState("cache", "Cache", (InstanceState("cache", "running", None, None, None, said),))
    [(row, _)] = rows_of(of_services, datetime.now(UTC))
    Outcome(PlainProgress().say).doing(said)
    out, err = capsys.readouterr()
    assert out == f"{shown}\n{shown}\n"
    assert err.splitlines() == ["boxctl: `psql` ended with code 2.", shown, f"boxctl: {shown}"]
    assert row[-1] == shown
    copy = ClusterNode("node-1", "10.0.0.1", "", (), True, True, "replica", said)
    show_cluster(ClusterState(datetime.now(UTC), nodes=(copy,)))
    table = capsys.readouterr().out
    assert "u001b" in table and not {"\x1b", "\x07", "\x9b"} & {*table}


def test_what_stands_in_brackets_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        common.fail("[fd00::1]:4001 does not answer, nor does [/run/one].")
    assert capsys.readouterr().err == "boxctl: [fd00::1]:4001 does not answer, nor does [/run/one].\n"


def test_a_reader_that_has_seen_enough_is_no_error(box: Node) -> None:
    done = subprocess.run(
        ["bash", "-c", "set -o pipefail; $PYTHON -m appliance.cli logs agent -n 1000 | true"],
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            "KOROBKA_PREFIX": str(box.paths.prefix),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
