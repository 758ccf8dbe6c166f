"""box.toml is refused with key and line, secrets are made once, and the generated files follow."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import config
from appliance.config import ConfigError, RootOnly
from appliance.paths import Paths

GOOD = """\
# The company's portal.
hostname = "portal.example.com"

[balancer]
trusted_proxies = [
    "10.0.0.0/8",
    "192.0.2.7",
]

[node]
web_workers = 3   # two cores
"""


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_file_is_a_valid_box() -> None:
    assert config.parse("") == config.Box()
    assert config.parse("").objects.engine == "seaweedfs"


def test_every_default_passes_its_own_check() -> None:
    for key in config.KEYS.values():
        assert key.check is None or key.check(key.default) is None, key.name


def test_every_key_says_what_it_is_for() -> None:
    assert all(key.help for key in config.KEYS.values())


def test_values_are_typed() -> None:
    box = config.parse(GOOD)
    assert box.balancer.trusted_proxies == ("10.0.0.0/8", "192.0.2.7")
    assert box.node.web_workers == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n\nhostnam = 'x'", "line 3: hostnam is not a key of the box (did you mean hostname?)."),
        ("[node]\nweb_workers = true", "line 2: node.web_workers must be a whole number."),
        ("[node]\nweb_workers = '4'", "line 2: node.web_workers must be a whole number."),
        ("hostname = 4", "line 1: hostname must be a text in quotes."),
        ("[balancer]\n\ntrusted_proxies = [\n'10.0.0.0/8',\n4]", "line 3: balancer.trusted_proxies must be"),
        ("[balancer]\nproxy_protocol = 1", "line 2: balancer.proxy_protocol must be true or false."),
        ("[nod]\nname = 'x'", "line 1: nod is not a key of the box (did you mean node?)."),
        ("[objects]\nengine = 'ceph'", "line 2: objects.engine must be one of seaweedfs, minio, external."),
        ("[objects]\nengine = 'external'", "line 2: objects.endpoint must be given when objects.engine is"),
        ("[backup]\npatience_seconds = 5", "line 2: backup.patience_seconds must be between 20 and 3600."),
        ("[balancer]\nhttps_port = 70000", "line 2: balancer.https_port must be between 1 and 65535."),
        (
            "[telephony]\nphones = ['office=10.0.0.7']",
            "line 2: telephony.phones must hold names and addresses",
        ),
        (
            "[telephony]\nphones = ['office=wss://10.0.0.7:8089']",
            "line 2: telephony.phones must name the PBX as its certificate does",
        ),
        ("hostname = 'Portal.example.com:443'", "line 1: hostname must be a host name in lower case"),
        ("time_zone = 'Europe/Moskow'", "line 1: time_zone must be a time zone such as Europe/Moscow."),
        ("node = 3", "line 1: node must be a table."),
        (
            "[node]\nweb_workers_max = 2\nweb_workers_min = 3",
            "line 3: node.web_workers_min must not be above node.web_workers_max, which is 2: lower it, or",
        ),
        ("a = 1\nb = [", "line 2: this is not TOML"),
        ("objects.engin = 'x'", "line 1: objects.engin is not a key of the box"),
        ("node = { nam = 'x' }", "line 1: node.nam is not a key of the box"),
    ],
)
def test_a_mistake_is_refused_with_key_and_line(text: str, problem: str) -> None:
    assert refused(text)[0].startswith(problem)


def test_all_mistakes_are_told_at_once() -> None:
    assert len(refused("a = 1\nlanguage = 'de'\n[cache]\nmemory_mb = 1")) == 3


def test_a_proxy_protocol_needs_to_know_its_proxies() -> None:
    assert "balancer.trusted_proxies" in refused("[balancer]\nproxy_protocol = true")[0]


def test_a_changed_key_keeps_comments_and_other_keys() -> None:
    changed = config.set_value(GOOD, "node.web_workers", 5, from_console=True)
    assert "# The company's portal." in changed
    assert dataclasses.replace(config.parse(GOOD), node=config.parse(changed).node) == config.parse(changed)
    assert config.parse(changed).node.web_workers == 5


def test_a_list_over_several_lines_is_replaced_whole() -> None:
    changed = config.set_value(GOOD, "balancer.trusted_proxies", ("172.16.0.0/12",), from_console=False)
    assert config.parse(changed).balancer.trusted_proxies == ("172.16.0.0/12",)
    assert config.parse(changed).node.web_workers == 3


def test_the_console_may_not_change_what_root_would_trust() -> None:
    for name in ("objects.program", "hostname", "balancer.trusted_proxies", "node.listen"):
        value = config.KEYS[name].default
        with pytest.raises(RootOnly, match="boxctl config set"):
            config.set_value("", name, value, from_console=True)
        config.set_value("", name, value, from_console=False)


def test_a_bad_value_changes_nothing() -> None:
    with pytest.raises(ConfigError, match=r"node\.web_workers must be between"):
        config.set_value(GOOD, "node.web_workers", 1000, from_console=True)
    with pytest.raises(ConfigError, match="is not a key"):
        config.set_value(GOOD, "node.workers", 2, from_console=False)


def test_what_only_an_editor_can_change_is_said_to_be_so() -> None:
    with pytest.raises(ConfigError, match="editor"):
        config.set_value('node = { name = "a", web_workers = 2 }', "node.name", "b", from_console=False)


_VALUES: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**62), 2**62),
    bool: st.booleans(),
    str: st.text(),
    tuple: st.lists(st.text(), max_size=4).map(tuple),
}


@given(st.data(), st.sampled_from(sorted(config.KEYS)), st.sampled_from(["", GOOD, "[objects]\nport = 9000"]))
def test_what_is_set_is_read_back_or_refused(data: st.DataObject, name: str, text: str) -> None:
    value: config.Value = data.draw(_VALUES[config.KEYS[name].type])
    try:
        changed = config.set_value(text, name, value, from_console=False)
    except ConfigError:
        return
    assert config.value_of(config.parse(changed), name) == value
    others = [other for other in config.KEYS if other != name]
    assert [config.value_of(config.parse(changed), other) for other in others] == [
        config.value_of(config.parse(text), other) for other in others
    ]


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [
        ("node.web_workers", "4", 4),
        ("balancer.proxy_protocol", "true", True),
        ("hostname", "a.example", "a.example"),
        ("balancer.trusted_proxies", "10.0.0.1, 10.0.0.2", ("10.0.0.1", "10.0.0.2")),
    ],
)
def test_typed_words_become_values(name: str, words: str, value: config.Value) -> None:
    assert config.parse_value(name, words) == value


def test_typed_words_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(ConfigError, match="must be a whole number"):
        config.parse_value("node.web_workers", "many")


def scratch_paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    return paths


def test_secrets_are_made_once_and_are_nobody_elses(tmp_path: Path) -> None:
    paths = scratch_paths(tmp_path)
    assert len(config.create_secrets(paths)) == len(dataclasses.fields(config.Secrets))
    assert paths.secrets_toml.stat().st_mode & 0o777 == 0o600
    first = paths.secrets_toml.read_bytes()
    assert config.create_secrets(paths) == ()
    assert paths.secrets_toml.read_bytes() == first


def test_a_missing_secret_is_added_and_the_others_stay(tmp_path: Path) -> None:
    paths = scratch_paths(tmp_path)
    config.create_secrets(paths)
    before = tomllib.loads(paths.secrets_toml.read_text())
    lines = paths.secrets_toml.read_text().splitlines()
    paths.secrets_toml.write_text("\n".join(line for line in lines if not line.startswith("secret_key")))
    with pytest.raises(ConfigError, match="secret_key is missing: run the installer"):
        config.load_secrets(paths)
    assert config.create_secrets(paths) == ("secret_key",)
    after = tomllib.loads(paths.secrets_toml.read_text())
    assert after | {"secret_key": ""} == before | {"secret_key": ""}


def test_secrets_are_not_shown_by_accident() -> None:
    secrets = config.new_secrets()
    assert secrets.secret_key not in repr(secrets)
    assert secrets.secret_key not in f"{secrets}"


@pytest.mark.parametrize(
    "names", [("proxy_protocol", "trusted_proxies"), ("trusted_proxies", "proxy_protocol")]
)
def test_keys_that_need_each_other_are_set_together_in_any_order(names: tuple[str, str]) -> None:
    on: dict[str, config.Value] = {"proxy_protocol": True, "trusted_proxies": ("10.0.0.1",)}
    off: dict[str, config.Value] = {"proxy_protocol": False, "trusted_proxies": ()}
    text = config.set_values("", {f"balancer.{name}": on[name] for name in names}, from_console=False)
    assert config.parse(text).balancer.trusted_proxies == ("10.0.0.1",)
    text = config.set_values(text, {f"balancer.{name}": off[name] for name in names}, from_console=False)
    assert config.parse(text) == config.Box()
    with pytest.raises(config.ConfigError, match="trusted_proxies must be given"):
        config.set_values("", {"balancer.proxy_protocol": True}, from_console=False)
