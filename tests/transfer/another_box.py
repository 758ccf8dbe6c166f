"""Another box: a process with a database of its own, whose REST API answers over HTTP.

    with another_box(tmp_path, account, filled=COMPANY) as other:
        other.webhook                 # of its administrator, with every scope
        other.archive()               # all that it has, as an open archive

It is its own balancer: what the store's links lead to it hands out itself, as `/<bucket>/<key>`.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from tests.box.processes import configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from box.bridges.storage.client import Account

ARCHIVE = "/archive"
DATABASE = "another_box"
COMPANY = ("company",)
"""A small one with something of every kind."""
NOTHING = ("nothing",)


def demonstration(employees: int, posts: int) -> tuple[str, ...]:
    """What `boxctl demo` makes."""
    return ("demonstration", f"--employees={employees}", f"--posts={posts}")


@dataclass(frozen=True)
class AnotherBox:
    webhook: str

    def archive(self) -> io.BytesIO:
        address = urlsplit(self.webhook)
        with urlopen(f"{address.scheme}://{address.netloc}{ARCHIVE}", timeout=600) as answer:
            return io.BytesIO(answer.read())


@contextmanager
def another_box(folder: Path, account: Account, *, filled: Sequence[str]) -> Iterator[AnotherBox]:
    from django.conf import settings
    from django.db import connection

    name = f"{DATABASE}_{connection.settings_dict['NAME']}"[:63]
    with _copied(name):
        own = folder / "another"
        own.mkdir()
        objects = {"engine": "seaweedfs", **asdict(account)}
        database = {**settings.KOROBKA["database"], "name": name}
        env = configuration(own, database=database, objects=objects)
        env["DJANGO_SETTINGS_MODULE"] = "box.settings"
        words = [sys.executable, "-m", __name__, *filled]
        with subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                yield AnotherBox(**json.loads(process.stdout.readline()))
            finally:
                process.kill()


@contextmanager
def _copied(name: str) -> Iterator[None]:
    """A copy of the migrated database, for as long as it is needed."""
    import psycopg
    from django.db import connection
    from psycopg.sql import SQL, Identifier

    from tests.databases import migrated

    template = migrated()
    parameters = connection.get_connection_params()
    for option in ("cursor_factory", "prepare_threshold", "context", "pool"):
        parameters.pop(option, None)
    drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
    make = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template))
    with psycopg.connect(**{**parameters, "dbname": "postgres"}, autocommit=True) as server:
        server.execute(drop)
        server.execute(make)
        try:
            yield
        finally:
            server.execute(drop)


def _serve(what: str, *options: str) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    from box.core.registry import settings as own_settings
    from tests.box.rest.calling import EVERYTHING, program_of
    from tests.box.transfer.archived import company
    from tests.cast import person

    olga = person("Olga", is_administrator=True)
    match what:
        case "company":
            company(olga)
        case "demonstration":
            call_command("demo", *options, stdout=sys.stderr)
    own_settings.store({"rest.burst": 1000, "rest.rate": 1000})
    program = program_of(olga, *EVERYTHING, "korobka_transfer")

    class Handler(WSGIRequestHandler):
        def get_environ(self) -> Any:
            return super().get_environ() | {"HTTP_X_FORWARDED_PROTO": "https"}

        def log_message(self, *args: Any) -> None: ...

    server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
    host = f"127.0.0.1:{server.server_port}"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    settings.PORTAL_URL = f"http://{host}"
    server.set_app(_balanced(get_wsgi_application()))
    sys.stdout.write(json.dumps({"webhook": f"http://{host}{program.address}/"}) + "\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def _balanced(portal: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    from django.conf import settings

    from box.core.files.store import store
    from tests.box.transfer.archived import archive

    bucket = f"/{settings.KOROBKA['objects']['bucket']}/"

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = unquote(environ["PATH_INFO"])
        if path.startswith((bucket, ARCHIVE)):
            is_archive = path == ARCHIVE
            body = archive().getvalue() if is_archive else b"".join(store().read(path.removeprefix(bucket)))
            start("200 OK", [("Content-Length", str(len(body)))])
            return [body]

        def plain(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # Nobody speaks TLS here.
            near = [
                (
                    name,
                    value.replace("https://127.0.0.1", "http://127.0.0.1") if name == "Location" else value,
                )
                for name, value in headers
            ]
            return start(status, near, *more)

        return portal(environ, plain)

    return answer


if __name__ == "__main__":
    _serve(*sys.argv[1:])
