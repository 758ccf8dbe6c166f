"""The units that systemd gets: understood by it, tight, and the same twice."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from appliance import quarantine
from appliance.node import Node
from appliance.services import enabled
from appliance.supervise import systemd
from tests import require


@pytest.fixture
def units(box: Node, tmp_path: Path) -> Path:
    require.programs("systemd-analyze", cure="apt-get install systemd")
    box.paths.tls.mkdir(exist_ok=True)
    for name, text in systemd.units(box).items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_systemd_understands_every_line(units: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units.glob("*"))],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "korobka" in line]
    assert ours == []


def test_every_service_but_the_agent_is_confined(units: Path) -> None:
    for path in units.glob("*.service"):
        if "agent" in path.name:
            continue
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", path],
            capture_output=True,
            text=True,
            check=False,
        )
        level = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
        assert level, done.stderr
        assert float(level[1]) <= 2.5, f"{path.name}: {level[1]}"


def test_a_killed_service_is_started_again_for_ever(box: Node) -> None:
    for name, text in systemd.units(box).items():
        if name.endswith(".service"):
            assert "Restart=always\nRestartSec=1\n" in text
            assert "StartLimitIntervalSec=0\n" in text


def test_web_is_a_template_with_the_instance_in_its_socket(box: Node) -> None:
    text = systemd.units(box)["korobka-web@.service"]
    assert f'"{box.run("web")}/%i.sock"' in text


def test_only_the_balancer_keeps_a_capability(box: Node) -> None:
    with_capability = [name for name, text in systemd.units(box).items() if "AmbientCapabilities=" in text]
    assert with_capability == ["korobka-balancer.service"]


def test_units_are_the_same_twice(box: Node) -> None:
    assert systemd.units(box) == systemd.units(box)


def test_no_secret_is_in_a_unit(box: Node) -> None:
    everything = "\n".join(systemd.units(box).values())
    for name, value in vars(box.secrets).items():
        assert value not in everything, name


def test_the_boot_makes_every_runtime_folder(box: Node) -> None:
    lines = systemd.tmpfiles(box)
    for service in enabled(box):
        assert (
            f"d {box.run(service.name)} 2750 {service.user} {service.socket_group or service.user} -" in lines
        )


def test_who_lets_people_in_waits_for_what_was_brought_back(box: Node) -> None:
    line = f"ConditionPathExists=!{quarantine.mark(box.paths)}\n"
    held = {name for name, text in systemd.units(box).items() if line in text.partition("[Service]")[0]}
    assert held == {f"korobka-{name}.service" for name in ("jobs", "push", "telephony", "web@")} & {
        *systemd.units(box)
    }
    assert held >= {"korobka-jobs.service", "korobka-push.service", "korobka-web@.service"}
