"""Looks at the box as a browser does: through the balancer, over TLS that is verified."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

from appliance import certificates
from appliance.node import Node
from installer.findings import Finding

_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers (lower case) and the beginning of the body."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(node: Node, path: str, *, tls: bool = True) -> Answer:
    """One GET request to this machine's balancer, under the portal's public name."""
    name = node.box.public_name
    port = node.box.balancer.https_port if tls else node.box.balancer.http_port
    raw = socket.create_connection((_own_address(node), port), timeout=_SECONDS)
    with _trusting(node).wrap_socket(raw, server_hostname=name) if tls else raw as connection:
        request = http.client.HTTPConnection(name, port)
        request.sock = connection
        request.request("GET", path, headers={"Host": name if port in (80, 443) else f"{name}:{port}"})
        response = request.getresponse()
        headers = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, headers, response.read(4096))


def findings(node: Node, *, patience: float = 0) -> Iterator[Finding]:
    """What does not work when the portal is used through its front door.

    `patience` is how long, in seconds, an answer may be wrong at first: what has just started settles.
    """
    store = f"/{node.box.objects.bucket}/none?X-Amz-Signature=none"
    expected = (
        ("/healthz", "web", "the portal", (200,)),
        ("/readyz", "web", "the portal with its database, store and cache", (200,)),
        # These two answer by refusing strangers.
        ("/push/stream", "push", "the push service", (401, 403)),
        (store, "objects", "the object store", (400, 403)),
    )
    deadline = time.monotonic() + patience
    for path, service, title, statuses in expected:
        while problem := _problem_with(node, path, statuses):
            if time.monotonic() >= deadline:
                yield Finding(
                    service, f"{title} does not answer through the balancer: {problem}.", _cure(service)
                )
                break
            time.sleep(0.3)
    if problem := _redirect_problem(node):
        yield Finding("balancer", f"plain HTTP does not lead to HTTPS: {problem}.", _cure("balancer"))


def _problem_with(node: Node, path: str, statuses: tuple[int, ...]) -> str | None:
    try:
        answer = ask(node, path)
    except (OSError, http.client.HTTPException) as error:
        return f"{path}: {error}"
    if answer.status in statuses:
        return None
    words = answer.body.decode(errors="replace").strip()
    return f"{path} answers {answer.status} {words[:300]}".strip()


def _redirect_problem(node: Node) -> str | None:
    try:
        answer = ask(node, "/", tls=False)
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    target = answer.headers.get("location", "")
    is_right = answer.status in (301, 308) and target.startswith(f"https://{node.box.public_name}")
    return None if is_right else f"it answers {answer.status} {target}".strip()


def _trusting(node: Node) -> ssl.SSLContext:
    """Believes the box's own authority alone; with a company's certificate, that certificate alone."""
    if certificates.info(node.paths).is_own:
        return ssl.create_default_context(cafile=node.paths.tls / "ca.crt")
    context = ssl.create_default_context(cafile=node.paths.tls / "portal.pem")
    # That the balancer serves this very certificate is the point; how the company made it is not.
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


def _own_address(node: Node) -> str:
    """Where this machine reaches its own balancer."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on
    first = node.box.node.listen[0]
    return anywhere.get(first, first)


def _cure(service: str) -> str:
    return f"`boxctl logs {service}` says why; `boxctl restart {service}` starts it again."
