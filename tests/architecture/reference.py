"""Writes docs/dev/reference.md: every setting, right, event, job, command and REST method, from the code.

python -m tests.architecture.reference
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/dev/reference.md"

HEAD = """# Reference

Every setting, right, event, job, command and method of the REST API there is. Written from the code by
`python -m tests.architecture.reference`, and checked by a test: run it after you have added one, and read
what it says of yours. That comes from a setting's label and help, a right's label, the docstring of an
event or a job, a command's help, and what a method says about itself.
"""


def page() -> str:
    parts = {
        "Settings": ("Chosen in the console, see `box/core/registry/settings.py`.", _settings()),
        "Rights": ("Granted by roles, see `box/core/access/rights.py`.", _rights()),
        "Events": ("Stored in the outbox, see `box/core/events/outbox.py`.", _events()),
        "Jobs": ("Run by huey, see `box/core/events/worker.py`.", _jobs()),
        "Methods of the REST API": ("Answered by `box.rest`, see [its page](rest.md).", _methods()),
        "Commands": ("Of `manage.py`; those of boxctl are in [its page](../admin/boxctl.md).", _commands()),
    }
    return HEAD + "".join(
        f"\n## {title}\n\n{about}\n\n" + "".join(f"- `{name}`: {said}\n" for name, said in sorted(found))
        for title, (about, found) in parts.items()
    )


def _settings() -> Iterator[tuple[str, str]]:
    from box.core.registry.settings import settings

    for key, setting in settings.items():
        said = f"{setting.label}. {setting.help}".replace(":.", ":").strip()
        # The company's own come from how the box was installed.
        is_fixed = not setting.is_secret and setting.section != "company"
        yield key, f"{said} (default: {setting.default!r})" if is_fixed else said


def _rights() -> Iterator[tuple[str, str]]:
    from box.core.access.rights import rights

    for key, right in rights.items():
        yield key, f"{right.label}. In a new portal: {', '.join(right.default) or 'administrators alone'}."


def _events() -> Iterator[tuple[str, str]]:
    for file in sorted([*(ROOT / "box").glob("*/*/events.py"), *(ROOT / "box").glob("*/events.py")]):
        module = import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for name, event in vars(module).items():
            if dataclasses.is_dataclass(event) and event.__module__ == module.__name__:
                fields = ", ".join(field.name for field in dataclasses.fields(event))
                yield f"{file.parent.name}.{name}", f"{_said(event, name)} ({fields})"


def _said(thing: Any, name: str) -> str:
    """Its name in words, and the first paragraph of its own docstring."""
    words = " ".join(re.findall(r"[A-Z][a-z]+|[a-z]+", name)).capitalize() + "."
    text = inspect.getdoc(thing) or ""
    # A dataclass without a docstring gets its signature for one.
    own = "" if text.startswith(f"{name}(") else " ".join(text.split("\n\n")[0].split())
    return f"{words} {own}".strip()


def _jobs() -> Iterator[tuple[str, str]]:
    from huey.contrib.djhuey import HUEY

    for name in HUEY._registry._registry:
        if name.startswith("box."):
            module, _dot, function = name.rpartition(".")
            job = getattr(import_module(module), function)
            yield name, _said(getattr(job, "func", job), function)


def _methods() -> Iterator[tuple[str, str]]:
    from box.core.registry.rest import methods

    for name, method in methods.items():
        parameters = ", ".join(method.parameters().fields) or "nothing"
        scopes = " or ".join(method.scopes) or "any"
        filters = f" Filters: {', '.join(method.filters)}." if method.filters else ""
        yield name, f"{method.about} Scope: {scopes}. Takes {parameters}.{filters}"


def _commands() -> Iterator[tuple[str, str]]:
    from django.core.management import get_commands

    for name, room in get_commands().items():
        if str(room).startswith("box."):
            yield name, import_module(f"{room}.management.commands.{name}").Command.help


def main() -> None:
    import django
    from django.utils import translation

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "box.settings")
    django.setup()
    with translation.override("en"):
        PAGE.write_text(page())


if __name__ == "__main__":
    main()
