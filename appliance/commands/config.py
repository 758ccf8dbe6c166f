"""`boxctl config`: show, set, check and apply box.toml."""

from __future__ import annotations

import argparse
import json

from rich.table import Table

from appliance import config
from appliance.agent.answers import ConfigKey, Value
from appliance.agent.codec import encode
from appliance.agent.protocol import ApplyConfig, ReadConfig, SetConfig
from appliance.commands.common import ask, box, fail, follow, out, plain_errors, say
from appliance.paths import Paths


def main() -> None:
    parser = argparse.ArgumentParser(prog="boxctl config", description="The box's configuration, box.toml.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    show = verbs.add_parser("show", help="every key with its value, or some")
    show.add_argument("key", nargs="*", help="such as web.threads, or a table such as web")
    show.add_argument("--json", action="store_true", help="for other programs")
    change = verbs.add_parser("set", help="change keys, check all, and apply")
    change.add_argument("assignment", nargs="+", metavar="KEY VALUE", help="lists are separated by commas")
    verbs.add_parser("check", help="whether box.toml could be applied")
    verbs.add_parser("apply", help="write the services' files; restart or reload only what changed")
    arguments = parser.parse_args()
    with plain_errors():
        paths = box()
        match arguments.verb:
            case "show":
                show_keys(chosen(paths, arguments.key), as_json=arguments.json)
            case "set":
                follow(paths, ask(paths, SetConfig(values_of(arguments.assignment))))
            case "check":
                config.load(paths)
                say(f"{paths.box_toml} is right.", style="green")
            case "apply":
                follow(paths, ask(paths, ApplyConfig()))


def chosen(paths: Paths, names: list[str]) -> tuple[ConfigKey, ...]:
    """The keys of these names or tables; all of them without any."""
    keys = ask(paths, ReadConfig()).keys
    for name in names:
        if not any(key.name == name or key.name.startswith(f"{name}.") for key in keys):
            fail(f"There is no key {name}: `boxctl config show` lists them.", code=2)
    if not names:
        return keys
    return tuple(key for key in keys if any(f"{key.name}.".startswith(f"{name}.") for name in names))


def values_of(words: list[str]) -> dict[str, Value]:
    """`KEY VALUE KEY VALUE …`, each value by the type of its key."""
    if len(words) % 2:
        fail("Each key needs a value: boxctl config set KEY VALUE.", code=2)
    return {
        name: config.parse_value(name, value) for name, value in zip(words[::2], words[1::2], strict=True)
    }


def show_keys(keys: tuple[ConfigKey, ...], *, as_json: bool) -> None:
    if as_json:
        say(
            json.dumps({key.name: encode(key.value) for key in keys}, indent=1, ensure_ascii=False),
        )
    elif out.is_terminal:
        table = Table("Key", "Value", "Default", "Meaning", box=None, pad_edge=False)
        for key in keys:
            style = None if key.value == key.default else "bold"
            table.add_row(key.name, written(key.value), written(key.default), key.help, style=style)
        out.print(table)
    else:
        for key in keys:
            say(f"{key.name} = {written(key.value)}")


def written(value: Value) -> str:
    """As one would type it after `config set`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    main()
