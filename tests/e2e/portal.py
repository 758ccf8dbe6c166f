"""The portal as a program speaks to it, for what a test needs and isn't about: people, posts, files.

TLS is verified by the box's own authority, as any client would that was given its certificate.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, cast
from urllib.parse import quote, urlencode, urljoin

import urllib3

from tests.e2e.boxes import Box, Login

CSRF_COOKIE = "__Host-csrf"
SESSION_COOKIE = "__Host-session"


@dataclass
class Portal:
    """One person's session. Redirects are not followed."""

    box: Box
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = urllib3.PoolManager(ca_certs=str(self.box.ca_file), retries=False, timeout=60)

    @classmethod
    def of(cls, box: Box, login: Login) -> Portal:
        """Signed in."""
        portal = cls(box)
        assert portal.sign_in(login), f"{login.login} cannot sign in"
        return portal

    def sign_in(self, login: Login) -> bool:
        # The form itself, where computers are asked for tickets first.
        self.get("/sign-in/?form=1")
        answer = self.post("/sign-in/", login=login.login, password=login.password)
        is_further = "second-step" in answer.headers.get("Location", "")
        return answer.status == 302 and SESSION_COOKIE in self.cookies and not is_further

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        return self.ask("GET", path)

    def post(self, path: str, **fields: str | list[str]) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, body=urlencode(fields, doseq=True).encode(), headers=headers)

    def post_json(self, path: str, **fields: Any) -> Any:
        answer = self.http.request("POST", self.box.url + path, json=fields, headers=self._headers())
        assert answer.status < 300, f"{path}: {answer.status} {answer.data!r}"
        return answer.json()

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        answer = self.http.request(
            method,
            urljoin(self.box.url, path),
            body=body,
            headers={**self._headers(), **(headers or {})},
            redirect=False,
        )
        for line in answer.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer

    def _headers(self) -> dict[str, str]:
        return {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "X-CSRFToken": self.cookies.get(CSRF_COOKIE, ""),
            "Origin": self.box.url,
        }

    # What people do

    def employ(
        self,
        login: Login,
        *,
        first_name: str,
        last_name: str,
        language: str = "en",
        department: int | None = None,
        administers: bool = False,
    ) -> int:
        """Adds an employee; the person's id. For administrators."""
        answer = self.post(
            "/employees/new/",
            first_name=first_name,
            last_name=last_name,
            email=login.login,
            password=login.password,
            language=language,
            department=str(department or ""),
            nonce=secrets.token_hex(8),
            **({"is_administrator": "on"} if administers else {}),
        )
        assert answer.status == 302, answer.data.decode()
        return int(answer.headers["Location"].strip("/").split("/")[-1])

    def dismiss(self, person_id: int) -> None:
        answer = self.post(f"/employees/{person_id}/dismissal/")
        assert answer.status == 302, answer.data.decode()

    def departments(self) -> list[dict[str, Any]]:
        """What the chart draws."""
        nodes: list[dict[str, Any]] = json.loads(self.get("/structure/chart/").data)["nodes"]
        return nodes

    def department(self, name: str, under: int | None = None) -> int:
        """Adds a department, below the company if not below another; its id. For administrators."""
        tops = [one["id"] for one in self.departments() if one["parentId"] is None]
        if not tops:
            self._add_department("The company", "")
            return self.department(name, under)
        self._add_department(name, str(under or tops[0]))
        return max(int(one["id"]) for one in self.departments() if one["name"] == name)

    def _add_department(self, name: str, parent: str) -> None:
        answer = self.post("/structure/departments/", name=name, parent=parent, nonce=secrets.token_hex(8))
        assert answer.status == 302, answer.data.decode()

    def place(self, login: Login, department: int, role: str = "member") -> None:
        """Gives the person a role in the department. For administrators."""
        answer = self.post(f"/structure/departments/{department}/members/", person=login.login, role=role)
        assert answer.status == 302, answer.data.decode()

    def group(self, name: str, kind: str = "open") -> int:
        """Makes a group that one owns; its id."""
        answer = self.post("/groups/new/", name=name, description="", kind=kind, nonce=secrets.token_hex(8))
        assert answer.status == 302, answer.data.decode()
        return int(answer.headers["Location"].strip("/").split("/")[-1])

    def prove(self, login: Login) -> None:
        """Gives the password once more, for what an open session alone may not do."""
        answer = self.post("/profile/proof/", password=login.password)
        assert answer.status == 302, answer.data.decode()

    def choose(self, section: str, **values: str) -> None:
        """Saves a section of the settings; what is not named is empty. For administrators."""
        named = {name.replace("_", ".", 1): value for name, value in values.items()}
        answer = self.post(f"/console/settings/{section}/", **named)
        assert answer.status == 302, answer.data.decode()
        assert "/proof/" not in answer.headers["Location"], "the password is asked for first"

    def publish(
        self, text: str, *, files: list[int] | None = None, nonce: str = "", audience: str = "UA"
    ) -> int:
        """Publishes for all employees, or for whom a code names; the post's id."""
        answer = self.post(
            "/feed/",
            text=text,
            audience=audience,
            files=[str(pk) for pk in files or ()],
            nonce=nonce or secrets.token_hex(8),
        )
        assert answer.status == 302, answer.data.decode()
        # These begin with it: nobody else writes while a test does, except for the portal itself.
        (newest, *_) = re.findall(r'id="post-(\d+)"', self.get("/feed/?kind=post").data.decode())
        return int(newest)

    def call(self, person_id: int, name: str) -> int:
        """Publishes a post to all in which somebody is mentioned; its id."""
        html = f'<p><span data-mention="{person_id}">@{name}</span>, look</p>'
        answer = self.post(
            "/feed/", text=f"@{name}, look", html=html, audience="UA", nonce=secrets.token_hex(8)
        )
        assert answer.status == 302, answer.data.decode()
        (newest, *_) = re.findall(r'id="post-(\d+)"', self.get("/feed/").data.decode())
        return int(newest)

    def upload(self, name: str, data: bytes) -> int:
        """Sends a file to the store in parts, as the page does; the file's id."""
        begun = self.post_json("/files/uploads/", name=name, size=len(data), nonce=secrets.token_hex(8))
        size = begun["part_size"]
        etags = [
            self._put(link, data[number * size : (number + 1) * size])
            for number, link in enumerate(begun["parts"])
        ]
        done = self.post_json(f"/files/uploads/{begun['id']}/completion", etags=etags)
        return cast(int, done["id"])

    def _put(self, link: str, part: bytes) -> str:
        answer = self.http.request("PUT", urljoin(self.box.url, link), body=part)
        assert answer.status == 200, answer.data
        return answer.headers["ETag"]

    def keep(self, folder: str, name: str, data: bytes) -> int:
        """Puts a file into a folder of a drive, by its address; the number of what stands there then."""
        address = self._folder(folder)
        files = [str(self.upload(name, data))]
        answer = self.post(f"{address}files/", files=files, nonce=secrets.token_hex(8))
        assert answer.status == 302, answer.data.decode()
        page = self.get(f"{address}?q={quote(name)}").data.decode()
        found = re.search(rf'/drive/items/(\d+)/">{re.escape(name)}<', page)
        assert found is not None, page
        return int(found[1])

    def _folder(self, path: str) -> str:
        """A drive by whose it is leads to a folder with a number."""
        answer = self.get(path)
        if answer.status == 302:
            return answer.headers["Location"]
        found = re.search(r'<drive-folder [^>]*folder="(\d+)"', answer.data.decode())
        assert found is not None, answer.data.decode()
        return f"/drive/items/{found[1]}/"

    def show_outside(self, item: int) -> str:
        """Makes a link to something on a drive; its path."""
        answer = self.post(f"/drive/items/{item}/links/", nonce=secrets.token_hex(8))
        found = re.findall(r'value="https://[^/]+(/links/[^"]+)"', answer.data.decode())
        assert found, answer.data.decode()
        return cast(str, found[-1])

    def link_to(self, file_id: int) -> str:
        """Where the portal sends who asks for the file."""
        answer = self.get(f"/files/{file_id}/content")
        assert answer.status == 302, answer.data.decode()
        return urljoin(self.box.url, answer.headers["Location"])
