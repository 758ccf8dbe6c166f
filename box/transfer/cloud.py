"""The cloud edition of Bitrix24 as a source: asked over REST, within its limits, and patiently.

    cloud = Cloud("https://company.bitrix24.com/rest/1/SECRET/")
    cloud.call("profile")
    for deals in cloud.walk("crm.deal.list", select=["*", "UF_*"]):       # fifty at a time, by id
        ...

Whatever passes by itself (503, a time limit, an answer that breaks off) is asked again with growing pauses;
what the cloud means is raised as `CloudRefused`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched, chain
from random import Random, SystemRandom
from typing import IO, Any, Protocol
from urllib.parse import quote, urljoin
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext as _

from box.lib.egress import Answer, Fetched, Forbidden, Unreachable, download, exchange
from box.lib.numbers import whole_number
from box.lib.php_query import flat
from box.transfer.pace import Limits, Pace

AT_ONCE = 50
"""Commands of a batch, and rows of a page."""
MOST_BYTES = 64 * 1024 * 1024
"""Of one answer: fifty pages of fifty rows each."""
ATTEMPTS = 8
FETCHES = 4
FETCH_SECONDS = 300.0
"""Of a file: behind so long a time it is not tried again."""
LONGEST_PAUSE = 120.0
UPLOAD_SECONDS = 3600.0
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
WEBHOOK = re.compile(r"https?://[^/\s]+/rest/\d{1,10}/[A-Za-z0-9]{1,64}/")

_LIMITS = frozenset({"QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT"})
# What the portal says to whoever may not come in at all; anything else is about one kind of things.
_LOCKED_OUT = {
    *("expired_token", "invalid_token", "no_auth_found", "invalid_credentials", "user_access_error"),
    *("authorization_error", "portal_deleted", "payment_required", "overload_limit", "application_not_found"),
}
# What is over after a while, whatever was asked.
_PASSING = _LIMITS | {"INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"}


UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What comes of answers that are otherwise than any portal's: rows without what they always have, or nested
without an end."""
MOST_ROWS = 10**9
"""More than any portal has of a kind: what says so is no count."""


class CloudRefused(Exception):
    """The cloud's own word for why not, and its sentence."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(f"{code}: {said}" if said else code)
        self.code, self.said = code, said

    @property
    def is_locked_out(self) -> bool:
        """Nobody is let in by this webhook any more."""
        return self.code.lower() in _LOCKED_OUT


class CloudAway(Exception):
    """It did not answer, however often it was asked."""


class CloudUnsure(CloudAway):
    """A request that writes was not answered: what it was to do may have happened."""


class BadWebhook(ValueError):
    """This is no address of an inbound webhook."""


class Transport(Protocol):
    def __call__(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises Unreachable."""


@dataclass(frozen=True)
class Command:
    """One of a batch, under a name that others may refer to."""

    name: str
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """How a method is told what to list: the names of its parameters, which differ by the method's age."""

    filter: str = "filter"
    order: str = "order"
    sort: str = ""
    """The parameter that names the key, where the order is a word alone."""

    def of(self, key: str, conditions: Mapping[str, Any]) -> dict[str, Any]:
        if self.sort:
            return {self.sort: key, self.order: "ASC", self.filter: conditions}
        return {self.order: {key: "ASC"}, self.filter: conditions}


@dataclass(frozen=True)
class Form:
    """A file for a form, in the field of this name. `size` is in bytes; `chunks` are read once."""

    field: str
    name: str
    size: int
    chunks: Iterable[bytes]


PLAIN = Shape()
CAPITALS = Shape("FILTER", "ORDER")
WORDS = Shape("FILTER", "order", "sort")


@dataclass(frozen=True)
class Outcome:
    """What became of a command: `total` is how many rows there are, where the method says so."""

    result: Any = None
    refused: CloudRefused | None = None
    total: int | None = None

    @property
    def is_stopped(self) -> bool:
        """By a limit, which is over after a while."""
        return self.refused is not None and self.refused.code in _LIMITS

    @property
    def is_passing(self) -> bool:
        """By a limit, or by what another time is answered."""
        return self.refused is not None and self.refused.code in _PASSING


class Loader(Protocol):
    def __call__(self, address: str, into: IO[bytes]) -> Fetched:
        """Raises Unreachable."""


def _post(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    return exchange(address, body, headers, reachable=settings.REACHABLE_NETWORKS, most=MOST_BYTES)


class Sender(Protocol):
    def __call__(self, address: str, form: Form) -> Answer:
        """Raises Unreachable."""


def _send(address: str, form: Form) -> Answer:
    edge = f"korobka{uuid4().hex}"
    # A name may hold anything: it goes as RFC 7578 has it, in UTF-8, without what would end it.
    name = form.name.translate(_QUOTED)
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="{form.field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    foot = f"\r\n--{edge}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={edge}",
        "Content-Length": str(len(head) + form.size + len(foot)),
        "Accept": "application/json",
    }
    body = chain((head,), form.chunks, (foot,))
    return exchange(
        address, body, headers, reachable=settings.REACHABLE_NETWORKS, most=MOST_BYTES, seconds=UPLOAD_SECONDS
    )


def _load(address: str, into: IO[bytes]) -> Fetched:
    most = settings.FILE_SIZE_LIMIT
    return download(address, into, reachable=settings.REACHABLE_NETWORKS, most=most)


@dataclass
class Cloud:
    """One portal, by one inbound webhook."""

    webhook: str
    limits: Limits = field(default_factory=Limits)
    transport: Transport = _post
    loader: Loader = _load
    sender: Sender = _send
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    random: Random = field(default_factory=SystemRandom)
    attempts: int = ATTEMPTS
    requests: int = 0
    """Sent so far."""

    def __post_init__(self) -> None:
        if not WEBHOOK.fullmatch(self.webhook):
            raise BadWebhook(
                _(
                    "Write the address of an inbound webhook, such as https://company.bitrix24.com/rest/1/abc/."
                )
            )
        self.pace = Pace(self.limits)

    def call(self, method: str, **parameters: Any) -> Any:
        """Raises CloudRefused, CloudAway."""
        return self._ask(method, parameters, asks=(method,)).get("result")

    def batch(self, commands: Sequence[Command]) -> dict[str, Outcome]:
        """All of at most fifty, whatever becomes of each: also those that a limit has stopped in its middle.
        Raises CloudRefused, CloudAway."""
        return self._outcomes(commands, self._ask("batch", _batched(commands), asks=_methods(commands)))

    def write(self, commands: Sequence[Command], *, key: str = "") -> dict[str, Outcome]:
        """The same for commands that write: sent again only where a limit has certainly kept all of them from
        happening. `key` is what a Korobka knows it by when it comes again. Raises CloudRefused; CloudUnsure
        where nobody knows what has happened."""
        if not commands:
            return {}
        return self._outcomes(
            commands, self._tell("batch", _batched(commands), asks=_methods(commands), key=key)
        )

    def tell(self, method: str, parameters: Mapping[str, Any], *, key: str = "") -> Any:
        """One that writes, with more in it than a batch holds. Raises CloudRefused, CloudUnsure."""
        return self._tell(method, parameters, asks=(method,), key=key).get("result")

    def upload(self, address: str, form: Form) -> Any:
        """Sends a file to where a method has said, and returns what that method answers then. Raises
        CloudRefused, CloudUnsure."""
        try:
            answer = self.sender(address, form)
            said = _parsed(answer.body)
        except Forbidden as error:
            raise CloudAway(str(error)) from None
        except (Unreachable, ValueError) as error:
            raise CloudUnsure(str(error)) from None
        if isinstance(said, dict) and said.get("error"):
            raise _refusal(said)
        if answer.status != 200 or not isinstance(said, dict):
            raise CloudUnsure(f"HTTP {answer.status}")
        return said.get("result")

    def _outcomes(self, commands: Sequence[Command], answer: Mapping[str, Any]) -> dict[str, Outcome]:
        found = answer.get("result")
        said = found if isinstance(found, dict) else {}
        results, errors, totals, times = (
            _by_name(said.get(key)) for key in ("result", "result_error", "result_total", "result_time")
        )
        for one in commands:
            if isinstance(times.get(one.name), dict):
                self._worked(one.method, times[one.name])
            if errors.get(one.name) and (refused := _refusal(errors[one.name])).code in _LIMITS:
                self._refused(refused, (one.method,))
        return {
            one.name: Outcome(
                results.get(one.name),
                _refusal(errors[one.name]) if errors.get(one.name) else None,
                _number(totals.get(one.name)),
            )
            for one in commands
        }

    def totals(self, commands: Sequence[Command]) -> dict[str, Outcome]:
        """How many rows each of them would list."""
        return self.batch([Command(one.name, one.method, {**one.parameters, "start": 0}) for one in commands])

    def walk(
        self,
        method: str,
        *,
        after: int = 0,
        key: str = "ID",
        named: str = "",
        of: str = "",
        shape: Shape = PLAIN,
        **parameters: Any,
    ) -> Iterator[list[dict[str, Any]]]:
        """All rows behind this id, a page of at most fifty at a time, by their ids and never by a count: what
        is added or taken away meanwhile moves nothing. `of` is where in the answer the rows are, `named` how
        they call the key, where that is otherwise than in the filter.

        A batch asks for as many pages as it holds, each behind the last row of the page before it. Raises
        CloudRefused, CloudAway.
        """
        stopped = 0
        while True:
            commands = _pages(Listed(method, key, named or key, of, shape, parameters), after)
            pages = self.batch(list(commands))
            for outcome in pages.values():
                if outcome.refused is not None:
                    stopped += 1
                    if not outcome.is_stopped or stopped >= self.attempts:
                        raise _away(outcome.refused, stopped) if outcome.is_stopped else outcome.refused
                    break
                stopped = 0
                rows = [row for row in _rows(outcome.result, of) if _key(row, named or key) > after]
                if rows:
                    yield rows
                    after = _key(rows[-1], named or key)
                # The pages behind a short one have nothing to refer to, and begin anew.
                if len(rows) < AT_ONCE:
                    return

    def each(self, commands: Sequence[Command]) -> dict[str, Outcome]:
        """As many commands as there are, fifty a request. What a limit has stopped is asked again, and a few
        times what the portal has failed at. Raises CloudRefused, CloudAway."""
        found: dict[str, Outcome] = {}
        for some in batched(commands, AT_ONCE, strict=False):
            waiting: Sequence[Command] = some
            for attempt in range(1, self.attempts + 1):
                found |= self.batch(waiting)
                stopped = [one for one in waiting if found[one.name].is_stopped]
                is_patient = attempt < min(FETCHES, self.attempts)
                waiting = [one for one in waiting if found[one.name].is_passing] if is_patient else stopped
                if not waiting:
                    break
                if not stopped:
                    self.wait(attempt - 1)
                if attempt == self.attempts:
                    raise _away(found[waiting[0].name].refused, attempt)
        return found

    def fetch(self, address: str, into: IO[bytes]) -> Fetched:
        """A file of the portal, by an address that it gave. Raises CloudAway."""
        whole = urljoin(self.webhook, address)
        problem, begun = "", self.clock()
        for attempt in range(min(FETCHES, self.attempts)):
            # What trickles has had its time: all that comes behind it waits.
            if self.clock() - begun >= FETCH_SECONDS:
                break
            into.seek(0)
            into.truncate()
            try:
                return self.loader(whole, into)
            except Forbidden as error:
                raise CloudAway(str(error)) from None
            except Unreachable as error:
                problem = str(error)
            self.sleep(self._pause(attempt))
        raise CloudAway(problem)

    @property
    def portal(self) -> str:
        """Its name, without what is secret."""
        return self.webhook.split("/")[2]

    def _ask(self, method: str, parameters: Mapping[str, Any], *, asks: Any) -> dict[str, Any]:
        problem = ""
        for attempt in range(self.attempts):
            self.sleep(max(0.0, self.pace.wait(asks, self.clock())))
            try:
                return self._sent(method, parameters)
            except CloudRefused as refused:
                if refused.code not in _PASSING:
                    raise
                problem = str(refused)
                self._refused(refused, asks)
            except Forbidden as error:
                raise CloudAway(str(error)) from None
            except _TooDeep as error:
                raise CloudRefused("ERROR_ANSWER", str(error)) from None
            except (Unreachable, ValueError) as error:
                problem = str(error)
            self.sleep(self._pause(attempt))
        raise _away(problem, self.attempts)

    def _tell(
        self, method: str, parameters: Mapping[str, Any], *, asks: Any, key: str = ""
    ) -> dict[str, Any]:
        problem = ""
        for attempt in range(self.attempts):
            self.sleep(max(0.0, self.pace.wait(asks, self.clock())))
            try:
                return self._sent(method, parameters, key)
            except CloudRefused as refused:
                if refused.code not in _PASSING:
                    raise
                if refused.code not in _LIMITS:
                    raise CloudUnsure(str(refused)) from None
                problem = str(refused)
                self._refused(refused, asks)
            except Forbidden as error:
                raise CloudAway(str(error)) from None
            except (Unreachable, ValueError) as error:
                raise CloudUnsure(str(error)) from None
            self.sleep(self._pause(attempt))
        raise _away(problem, self.attempts)

    def wait(self, attempt: int) -> None:
        """Before somebody looks what has become of a request."""
        self.sleep(self._pause(attempt))

    def _sent(self, method: str, parameters: Mapping[str, Any], key: str = "") -> dict[str, Any]:
        """Raises CloudRefused, Unreachable, ValueError for what is no answer."""
        self.pace.sent(self.clock())
        self.requests += 1
        body = json.dumps(parameters).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        answer = self.transport(f"{self.webhook}{quote(method)}.json", body, headers)
        said = _parsed(answer.body)
        if not isinstance(said, dict):
            raise ValueError(_("The answer is no object."))
        if said.get("error"):
            raise _refusal(said)
        if answer.status != 200:
            raise ValueError(f"HTTP {answer.status}")
        if isinstance(said.get("time"), dict) and method != "batch":
            self._worked(method, said["time"])
        return said

    def _worked(self, method: str, time_: Mapping[str, Any]) -> None:
        self.pace.worked(method, time_, self.clock(), wall=self.wall())

    def _refused(self, refused: CloudRefused, asks: Any) -> None:
        now = self.clock()
        if refused.code == "OPERATION_TIME_LIMIT":
            for method in asks:
                self.pace.close(now + LONGEST_PAUSE, method)
        else:
            self.pace.refused(now, seconds=1.0)

    def _pause(self, attempt: int) -> float:
        """Growing, and never the same for two who were refused together."""
        return min(LONGEST_PAUSE, 0.5 * float(2**attempt)) * (0.5 + self.random.random() / 2)


@dataclass(frozen=True)
class Listed:
    """What is walked through: see `Cloud.walk`."""

    method: str
    key: str
    named: str
    of: str
    shape: Shape
    parameters: Mapping[str, Any]


def _pages(listed: Listed, after: int) -> Iterator[Command]:
    """A batch of pages, each behind the last row of the one before it."""
    given = dict(listed.parameters)
    conditions = given.pop(listed.shape.filter, {})
    place = f"[{listed.of}]" if listed.of else ""
    for number in range(AT_ONCE):
        last = f"$result[p{number - 1}]{place}[{AT_ONCE - 1}][{listed.named}]" if number else after
        asked = listed.shape.of(listed.key, {**conditions, f">{listed.key}": last})
        yield Command(f"p{number}", listed.method, {**given, **asked, "start": -1})


def _batched(commands: Sequence[Command]) -> dict[str, Any]:
    return {"halt": 0, "cmd": {one.name: f"{one.method}?{flat(one.parameters)}" for one in commands}}


def _methods(commands: Sequence[Command]) -> set[str]:
    return {one.method for one in commands}


def _away(why: object, times: int) -> CloudAway:
    return CloudAway(_("The portal has not answered %(times)d times: %(why)s") % {"times": times, "why": why})


def _refusal(said: Any) -> CloudRefused:
    if not isinstance(said, dict):
        return CloudRefused(str(said), "")
    return CloudRefused(str(said.get("error") or ""), str(said.get("error_description") or ""))


def _by_name(found: Any) -> dict[str, Any]:
    """Where PHP has nothing by name it has an empty list."""
    return found if isinstance(found, dict) else {}


def _rows(found: Any, of: str) -> list[dict[str, Any]]:
    within = found.get(of) if of and isinstance(found, dict) else found
    return [row for row in within if isinstance(row, dict)] if isinstance(within, list) else []


def _key(row: Mapping[str, Any], name: str) -> int:
    """Behind which the next rows stand. Raises CloudRefused, for without it nobody knows where to go on."""
    found = whole_number(str(row.get(name, "")))
    if found is None:
        raise CloudRefused("ERROR_ROWS", _("it gives rows without a number"))
    return found


def _number(given: Any) -> int | None:
    found = whole_number(str(given)) if isinstance(given, int | str) else None
    return found if found is None or found <= MOST_ROWS else None


class _TooDeep(ValueError):
    """Whoever asks again hears the same."""


def _parsed(body: bytes) -> Any:
    """Raises ValueError for what is no answer. A portal that mixes charsets in one is heard as far as it can
    be understood."""
    try:
        return json.loads(body.decode(errors="replace"))
    except RecursionError:
        raise _TooDeep(_("The answer is nested too deep.")) from None
