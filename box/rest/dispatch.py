"""Answering one call, or a batch of them."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError
from django.http import Http404

from box.core.events.nonces import once
from box.core.registry.availability import trouble_of
from box.core.registry.rest import (
    ApiRefused,
    Call,
    Listing,
    Method,
    Parameters,
    methods,
    methods_of_v3,
    not_found,
)
from box.core.registry.services import is_on
from box.lib.php_query import Misshapen, parsed
from box.rest.dialect import (
    Answer,
    broken,
    error_of,
    no_method,
    no_scope,
    parameters_of,
    php_array,
    time_of,
    took_too_long,
)
from box.rest.paging import page_of
from box.rest.taking_over import taken_over
from box.rest.tokens import Caller

log = logging.getLogger(__name__)

MOST_OF_A_BATCH = 50
BATCH = "batch"
# The database's word for a statement that it has given up: see `box.core.registry.worker`.
_GIVEN_UP = "57014"
# What the results that its commands ask for may come to in all: as much as a request may hold without them.
MOST_REFERRED = 2 * 2**20
# Of a list's number: no list has more.
_LONGEST_NUMBER = 9
_REFERENCE = re.compile(r"\$result((?:\[[^\[\]]+\])+)")
_KEY = re.compile(r"\[([^\[\]]+)\]")


@dataclass(frozen=True)
class Asked:
    """A method with what it was given. `once_key` is the `Idempotency-Key`, if there was one; `is_v3` says of
    which of the two sets of methods it is."""

    name: str
    given: Mapping[str, Any]
    once_key: str = ""
    is_v3: bool = False


def answer_to(asked: Asked, caller: Caller) -> Answer:
    """Never raises, but for trouble of the box itself: that is said in one place for everything."""
    began_at = datetime.now(UTC)
    try:
        if asked.name == BATCH and not asked.is_v3:
            return Answer(_batch(asked, caller), began_at)
        return _answer_one(asked, caller, began_at)
    except Exception as error:
        if trouble_of(error):
            raise
        return Answer(None, began_at, error=_refusal_of(error, asked, caller))


def _refusal_of(error: Exception, asked: Asked, caller: Caller) -> ApiRefused:
    match error:
        case ApiRefused():
            return error
        case DataError():
            return ApiRefused("ERROR_ARGUMENT", "There is a value that cannot be kept.")
        case ValidationError():
            return ApiRefused("ERROR_ARGUMENT", " ".join(error.messages))
        case PermissionDenied():
            return ApiRefused("ACCESS_DENIED", str(error), status=403)
        case Http404():
            return not_found("Not found")
    log.error("%s failed for webhook %s", asked.name, caller.webhook.pk, exc_info=error)
    is_given_up = getattr(error.__cause__, "sqlstate", None) == _GIVEN_UP
    return took_too_long() if is_given_up else broken()


def method_for(asked: Asked, caller: Caller) -> Method:
    """Raises ApiRefused for what there is not, and for what the webhook may not."""
    known = methods_of_v3 if asked.is_v3 else methods
    if asked.name not in known or not is_on(known[asked.name].room):
        raise no_method()
    method = known[asked.name]
    if method.scopes and frozenset(caller.webhook.scopes).isdisjoint(method.scopes):
        raise no_scope()
    return method


def _answer_one(asked: Asked, caller: Caller, began_at: datetime) -> Answer:
    method = method_for(asked, caller)
    elsewhere, given = taken_over(asked.given, method, caller, began_at)
    parameters = method.parameters(given)
    if not parameters.is_valid():
        raise ApiRefused("ERROR_ARGUMENT", " ".join(_said(parameters)), fields=_wrong(parameters))
    scopes = frozenset(caller.webhook.scopes)
    call = Call(caller.user, scopes, parameters, began_at, caller.webhook.pk, elsewhere.by)
    with elsewhere.importing():
        if method.makes is not None and method.makes_now(call):
            return Answer(_made(method, call, asked, caller), began_at)
        result = method.answer(call)
    if not isinstance(result, Listing):
        return Answer(result, began_at)
    start = parameters.cleaned_data.get("START")
    page = page_of(result, start if start is not None else 0, walk=_walk(asked, caller))
    items = {result.within: page.items} if result.within else page.items
    return Answer(items, began_at, total=page.total, next=page.next)


def _made(method: Method, call: Call, asked: Asked, caller: Caller) -> Any:
    """What is said of what was made: with a key that was used before, of what was made then, as it is now."""
    assert method.makes is not None  # noqa: S101 - as it was asked
    if not asked.once_key:
        return method.made(method.answer(call), call)
    # Whatever programs write as a key, and never the nonce of a form of the same person.
    nonce = _digest(f"rest:{caller.webhook.pk}:{asked.name}:{asked.once_key}")
    fresh: list[Any] = []

    def make() -> Any:
        fresh.append(method.answer(call))
        return fresh[0]

    made = once(method.makes, make, nonce=nonce, actor_id=caller.user.pk)
    # By now it may be another's, and say what its maker is not to read.
    return method.made(made, call) if fresh or method.sees(made, call) else int(made.pk)


def _walk(asked: Asked, caller: Caller) -> str:
    given = {name.upper(): value for name, value in asked.given.items() if name.upper() != "START"}
    told = json.dumps([caller.webhook.pk, asked.name, given], sort_keys=True, default=str)
    return _digest(told)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _wrong(parameters: Parameters) -> dict[str, str]:
    return {name: " ".join(map(str, errors)) for name, errors in parameters.errors.items()}


def _said(parameters: Parameters) -> list[str]:
    """What is wrong with which parameter."""
    return [
        f"{name}: {' '.join(map(str, errors))}" if name in parameters.fields else " ".join(map(str, errors))
        for name, errors in parameters.errors.items()
    ]


# Many at once


def _batch(asked: Asked, caller: Caller) -> dict[str, Any]:
    """https://apidocs.bitrix24.com/settings/how-to-call-rest-api/batch.html"""
    given = {name.lower(): value for name, value in asked.given.items()}
    commands = given.get("cmd")
    if isinstance(commands, list):
        commands = {str(number): one for number, one in enumerate(commands)}
    if not isinstance(commands, Mapping):
        raise ApiRefused("ERROR_ARGUMENT", "cmd: a list of commands, or commands by their names")
    halts = str(given.get("halt", "0")).lower() in ("1", "true", "y")
    results = _Results()
    errors: dict[str, Any] = {}
    totals: dict[str, int] = {}
    nexts: dict[str, int] = {}
    times: dict[str, Any] = {}
    # The one behind the last is told that it is too many, and stands for all that follow.
    for number, (name, command) in enumerate(islice(commands.items(), MOST_OF_A_BATCH + 1)):
        answer = _command(number, command, results, replace(asked, once_key=_key_of(asked, name)), caller)
        if answer.error is not None:
            errors[name] = error_of(answer.error)
            if halts:
                break
            continue
        results.of[name] = answer.result
        times[name] = time_of(answer.began_at, datetime.now(UTC))
        if answer.total is not None:
            totals[name] = answer.total
        if answer.next is not None:
            nexts[name] = answer.next
    return {
        "result": php_array(results.of),
        "result_error": php_array(errors),
        "result_total": php_array(totals),
        "result_next": php_array(nexts),
        "result_time": php_array(times),
    }


def _key_of(asked: Asked, name: str) -> str:
    return f"{asked.once_key}:{name}" if asked.once_key else ""


def _command(number: int, command: Any, results: _Results, asked: Asked, caller: Caller) -> Answer:
    began_at = datetime.now(UTC)
    if number >= MOST_OF_A_BATCH:
        too_long = ApiRefused("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
        return Answer(None, began_at, error=too_long)
    try:
        name, given = _read(command)
        given = _referred(given, results)
    except Misshapen as error:
        return Answer(None, began_at, error=ApiRefused("ERROR_ARGUMENT", str(error)))
    except ApiRefused as refusal:
        return Answer(None, began_at, error=refusal)
    if name == BATCH:
        nested = ApiRefused(
            "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", status=405
        )
        return Answer(None, began_at, error=nested)
    return answer_to(replace(asked, name=name, given=given), caller)


def _read(command: Any) -> tuple[str, Mapping[str, Any]]:
    """`user.get?ID=1`, or the same as an object with `method` and `params`."""
    if isinstance(command, Mapping):
        params = command.get("params") or {}
        if not isinstance(params, Mapping):
            raise Misshapen("params: an object")
        return method_name(str(command.get("method", ""))), parameters_of(params)
    name, _mark, query = str(command).partition("?")
    return method_name(name), parameters_of(parsed(query))


def method_name(text: str) -> str:
    return text.strip().strip("/").removesuffix(".json").removesuffix(".xml").lower()


@dataclass
class _Results:
    """What the commands before have answered, and how much of it those behind may still take."""

    of: dict[str, Any] = field(default_factory=dict)
    left: int = MOST_REFERRED

    def taken(self, path: str) -> Any:
        """Nothing, where there is nothing of that name. Raises ApiRefused before more is built than is left:
        one result, named often enough, would fill the memory."""
        found = _looked_up(path, self.of)
        self.left -= _size_of(found, most=self.left)
        if self.left < 0:
            raise ApiRefused("ERROR_ARGUMENT", "$result: what the commands ask for of others is too much")
        return found


def _size_of(value: Any, *, most: int) -> int:
    """In characters, with one for each value and name; counted until it is more than `most`."""
    size, waiting = 0, [value]
    while waiting and size <= most:
        one = waiting.pop()
        size += 1
        match one:
            case str():
                size += len(one)
            case Mapping():
                waiting += one
                waiting += one.values()
            case list():
                waiting += one
    return size


def _referred(value: Any, results: _Results) -> Any:
    """With the results of earlier commands in the place of `$result[name][field]`."""
    if isinstance(value, Mapping):
        return {key: _referred(one, results) for key, one in value.items()}
    if isinstance(value, list):
        return [_referred(one, results) for one in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return results.taken(whole[1])
    return _REFERENCE.sub(lambda match: _as_text(results.taken(match[1])), value)


def _looked_up(path: str, results: Mapping[str, Any]) -> Any:
    """Nothing, where there is nothing of that name."""
    here: Any = results
    for key in _KEY.findall(path):
        if isinstance(here, Mapping):
            here = here.get(key, "")
        elif isinstance(here, list) and _is_number(key) and int(key) < len(here):
            here = here[int(key)]
        else:
            return ""
    return here


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _LONGEST_NUMBER


def _as_text(value: Any) -> str:
    return "" if value is None or isinstance(value, list | Mapping) else str(value)
