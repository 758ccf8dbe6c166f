"""A phone that speaks CalDAV, as far as a test needs one."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from django.test import Client

from box.bridges.dav.actions import add_device
from box.bridges.dav.passwords import DevicePassword

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.test.client import _MonkeyPatchedWSGIResponse as HttpResponse

    from box.bridges.dav.models import Device
    from box.core.accounts.models import User

NAMES = {"D": "DAV:", "C": "urn:ietf:params:xml:ns:caldav", "CR": "urn:ietf:params:xml:ns:carddav"}
XML = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMES.items())


class Phone:
    def __init__(self, user: User, *, password: str = "") -> None:
        made = DevicePassword.new()
        self.device: Device | None = add_device("Phone", made, by=user) if not password else None
        self.user, self.password = user, password or made.text
        self.client = Client(headers={"X-Forwarded-Proto": "https"})
        self.home = f"/dav/{user.pk}/"

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> HttpResponse:
        kind = "text/xml" if body.startswith("<") else "text/calendar"
        extra = {key.replace("_", "-"): one for key, one in headers.items()}
        return self.send(method, path, body, kind, extra)

    def send(self, method: str, path: str, body: str, kind: str, headers: Mapping[str, str]) -> HttpResponse:
        given = base64.b64encode(f"{self.user.login}:{self.password}".encode()).decode()
        extra = {"Authorization": f"Basic {given}", **headers}
        return self.client.generic(method, path, body, content_type=kind, headers=extra)

    def properties(self, path: str, *names: str, depth: str = "0") -> dict[str, dict[str, str]]:
        """By address what is said of these properties, as text or as the addresses in them."""
        wanted = "".join(f"<{name}/>" for name in names)
        answer = self.ask(
            "PROPFIND", path, f"<D:propfind {XML}><D:prop>{wanted}</D:prop></D:propfind>", Depth=depth
        )
        assert answer.status_code == 207, answer.content
        return {href: said for href, _status, said in _answers(answer)}

    def calendars(self) -> dict[str, str]:
        """The addresses of collections by their names."""
        found = self.properties(self.home, "D:displayname", "C:supported-calendar-component-set", depth="1")
        return {said["displayname"]: href for href, said in found.items() if href != self.home}

    def sync(self, path: str, token: str = "") -> tuple[str, dict[str, int]]:
        """The next token, and by name the status of what has changed."""
        body = (
            f"<D:sync-collection {XML}><D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>"
            "<D:prop><D:getetag/></D:prop></D:sync-collection>"
        )
        answer = self.ask("REPORT", path, body)
        assert answer.status_code == 207, answer.content
        root = ElementTree.fromstring(answer.content)
        changed = {href.rpartition("/")[2]: status for href, status, _said in _answers(answer)}
        return root.findtext("D:sync-token", "", NAMES), changed

    def query(self, path: str, since: str, before: str) -> list[str]:
        """The names of events in a stretch."""
        body = (
            f"<C:calendar-query {XML}><D:prop><D:getetag/></D:prop><C:filter>"
            '<C:comp-filter name="VCALENDAR">'
            f'<C:comp-filter name="VEVENT"><C:time-range start="{since}" end="{before}"/></C:comp-filter>'
            "</C:comp-filter></C:filter></C:calendar-query>"
        )
        answer = self.ask("REPORT", path, body, Depth="1")
        assert answer.status_code == 207, answer.content
        return [href.rpartition("/")[2] for href, _status, _said in _answers(answer)]

    def put(self, path: str, *lines: str, etag: str = "", kind: str = "VEVENT") -> HttpResponse:
        """An object of one component, or of several where the lines hold their ends."""
        text = "\r\n".join(
            ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", f"BEGIN:{kind}", "DTSTAMP:20261101T000000Z",
             *lines, f"END:{kind}", "END:VCALENDAR", ""]
        )  # fmt: skip
        return self.ask("PUT", path, text, **({"If_Match": etag} if etag else {"If_None_Match": "*"}))

    def change(self, path: str, old: str, new: str) -> HttpResponse:
        """The object as it is fetched, with a text replaced in it."""
        answer = self.ask("GET", path)
        text = unfolded(answer)
        assert old in text, text
        return self.ask("PUT", path, text.replace(old, new), If_Match=answer.headers["ETag"])

    def text(self, path: str) -> str:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.content
        return unfolded(answer)


def unfolded(answer: HttpResponse) -> str:
    return answer.content.decode().replace("\r\n ", "")


def _answers(answer: HttpResponse) -> list[tuple[str, int, dict[str, str]]]:
    root = ElementTree.fromstring(answer.content)
    found = []
    for one in root.findall("D:response", NAMES):
        href = one.findtext("D:href", "", NAMES)
        status = one.findtext("D:status", "HTTP/1.1 200 OK", NAMES)
        said: dict[str, str] = {}
        for part in one.findall("D:propstat", NAMES):
            if " 200 " in part.findtext("D:status", "", NAMES):
                said |= {_name(prop): _text(prop) for prop in part.iterfind("D:prop/*", NAMES)}
        found.append((href, int(status.split()[1]), said))
    return found


def _name(element: Any) -> str:
    return re.sub(r"^\{.*\}", "", element.tag)


def _text(element: Any) -> str:
    inner = [one.text or one.get("name") or _name(one) for one in element.iter() if one is not element]
    return (element.text or "").strip() or " ".join(filter(None, inner))
