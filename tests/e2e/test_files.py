"""Files come back as they were sent, under names that harm nobody, and run nothing on the portal's origin."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import pytest
import urllib3
from playwright.sync_api import Download, expect

from tests.e2e.people import Person
from tests.e2e.portal import Portal

# Whatever gets to run leaves a mark on the origin where it ran.
MARK = "try { localStorage.setItem('ran', 'yes') } catch {} document.title = 'ran'"
HTML = f"<!doctype html><title>page</title><p>Hello</p><script>{MARK}</script>".encode()
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{MARK}"><script>{MARK}</script></svg>'.encode()
# A letter, says whoever looks at its beginning.
TEXT = f'Dear colleagues,\n\n<script>{MARK}</script>\n<img src=x onerror="{MARK}">\n'.encode()
PDF = (
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"
    b"trailer<</Root 1 0 R>>\n"
)


def download(person: Person, file_id: int) -> Download:
    """By the link under a post."""
    with person.page.expect_download() as answer:
        person.page.locator(f'a[href="/files/{file_id}/content"]').first.click()
    return answer.value


def test_empty_file_comes_back_empty(anna: Person, olga: Portal) -> None:
    file_id = olga.upload("nothing.bin", b"")
    olga.publish("Nothing", files=[file_id])
    anna.open("/feed/")
    assert download(anna, file_id).path().read_bytes() == b""


@pytest.mark.parametrize(
    "name",
    ["Ё" * 251 + ".txt", "📦" * 251 + ".bin", "договор «Ромашка» №5 — копия.docx"],
    ids=["cyrillic", "emoji", "quotes"],
)
def test_long_and_foreign_names_come_back_whole(anna: Person, olga: Portal, name: str) -> None:
    content = secrets.token_bytes(1000)
    file_id = olga.upload(name, content)
    olga.publish("Named", files=[file_id])
    page = anna.open("/feed/")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    # A file system counts bytes, so the browser may shorten the middle of it; the portal's header doesn't.
    assert saved_name(olga, file_id) == name
    assert download(anna, file_id).path().read_bytes() == content


@pytest.mark.parametrize(
    ("name", "harmless"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("a/b\\c:d.txt", "a_b_c_d.txt"),
        ("line\r\nSet-Cookie: a=b.txt", "line  Set-Cookie_ a=b.txt"),
        ("bell\x07 and escape\x1b.txt", "bell and escape.txt"),
        ("exe\u202etxt.exe", "exetxt.exe"),
        ('quo"te.txt', "quo_te.txt"),
        ("con.txt", "_con.txt"),
    ],
)
def test_harmful_names_are_saved_harmless(anna: Person, olga: Portal, name: str, harmless: str) -> None:
    file_id = olga.upload(name, b"content")
    answer = fetched(olga, olga.link_to(file_id))
    assert "Set-Cookie" not in answer.headers
    assert saved_name(olga, file_id) == harmless
    olga.publish("Named", files=[file_id])
    anna.open("/feed/")
    saved = download(anna, file_id)
    assert saved.suggested_filename == harmless.replace("_.._", saved.suggested_filename[:4], 1)
    assert not set("/\\\r\n\x1b\x07\u202e") & set(saved.suggested_filename)
    assert saved.path().read_bytes() == b"content"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", HTML),
        ("picture.svg", SVG),
        ("picture.png", HTML),
        ("photo.jpg", SVG),
        ("letter.txt", TEXT),
        ("letter.html", TEXT),
        ("form.pdf", PDF),
    ],
)
def test_uploaded_content_runs_no_script(anna: Person, olga: Portal, name: str, content: bytes) -> None:
    file_id = olga.upload(name, content)
    post_id = olga.publish("Look", files=[file_id])
    page = anna.open(f"/feed/{post_id}/")
    page.on("dialog", lambda dialog: pytest.fail(f"a script spoke: {dialog.message}"))
    tab = anna.context.new_page()
    # Opened by its address, as by who pastes it: either it is saved, or it is shown as plain text.
    address = f"{olga.box.url}/files/{file_id}/content"
    if is_shown(olga, file_id):
        tab.goto(address)
        expect(tab.locator("pre")).to_contain_text("<script>")
    else:
        with tab.expect_download():
            tab.evaluate("(address) => { location.assign(address) }", address)
    page.reload()
    assert page.evaluate("() => localStorage.getItem('ran')") is None
    assert "ran" not in (tab.title(), page.title())


def is_shown(portal: Portal, file_id: int) -> bool:
    answer = fetched(portal, portal.link_to(file_id))
    return answer.headers["Content-Disposition"].startswith("inline")


@pytest.mark.parametrize("content", [HTML, SVG, TEXT, PDF], ids=["html", "svg", "text", "pdf"])
def test_the_stores_route_denies_scripts_whatever_it_sends(olga: Portal, content: bytes) -> None:
    answer = fetched(olga, olga.link_to(olga.upload("page.html", content)))
    assert answer.data == content
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "html" not in answer.headers["Content-Type"]
    assert "svg" not in answer.headers["Content-Type"]
    assert "Set-Cookie" not in answer.headers


def test_link_cannot_be_bent(olga: Portal) -> None:
    """What the link says of type and disposition is signed."""
    scheme, host, path, query, _ = urlsplit(olga.link_to(olga.upload("page.html", HTML)))
    bent = {**dict(parse_qsl(query)), "response-content-disposition": "inline"}
    bent |= {"response-content-type": "text/html"}
    assert fetched(olga, urlunsplit((scheme, host, path, urlencode(bent), ""))).status == 403
    unsigned = urlunsplit((scheme, host, path, "", ""))
    assert fetched(olga, unsigned).status == 403


def test_files_of_others_are_not_there(box_visitor: Portal, olga: Portal) -> None:
    file_id = olga.upload("private.txt", b"not yet published")
    assert box_visitor.get(f"/files/{file_id}/content").status == 404
    olga.publish("Now for all", files=[file_id])
    assert box_visitor.get(f"/files/{file_id}/content").status == 302


def test_picture_shows_itself_once_it_was_looked_at(anna: Person, olga: Portal, picture: Path) -> None:
    file_id = olga.upload("plan.png", picture.read_bytes())
    post_id = olga.publish("The plan", files=[file_id])
    page = anna.open(f"/feed/{post_id}/")
    image = page.get_by_role("img", name="plan.png")
    # A job makes the small picture; pages that are open show the file's name until they are asked for again.
    expect(image.or_(page.get_by_role("link", name="plan.png")).first).to_be_visible()
    for _ in range(40):
        if image.count():
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(image).to_be_visible()
    page.wait_for_function("() => document.querySelector('.pictures img').naturalWidth > 0")


def test_upload_goes_on_while_one_looks_around(anna: Person, large_file: Path) -> None:
    """The bar is still there when one comes back, and the file arrives whole."""
    text = f"Film {secrets.token_hex(4)}"
    page = anna.open("/feed/")
    anna.choose_files(large_file)
    expect(page.locator(".uploads li")).to_have_attribute("data-state", "sending")
    page.get_by_role("navigation").get_by_role("link", name="Company").click()
    expect(page.get_by_role("heading", name="Employees")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Feed").click()
    expect(page.locator(".uploads li")).to_contain_text("film.bin")
    expect(page.locator(".uploads li")).to_have_attribute("data-state", "done", timeout=60_000)
    anna.text_field.fill(text)
    anna.publish()
    expect(anna.post(text)).to_contain_text("film.bin")


def fetched(portal: Portal, link: str) -> urllib3.BaseHTTPResponse:
    return portal.http.request("GET", link)


def saved_name(portal: Portal, file_id: int) -> str:
    """By RFC 6266, as every browser of today reads it."""
    header = fetched(portal, portal.link_to(file_id)).headers["Content-Disposition"]
    return unquote(header.partition("filename*=UTF-8''")[2])


@pytest.fixture
def box_visitor(olga: Portal, employee: Callable[..., Person]) -> Portal:
    """Somebody else's session."""
    return Portal.of(olga.box, employee("Cara").login)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG of one colour, large enough to be made smaller."""
    from PIL import Image

    file = tmp_path / "plan.png"
    colour = tuple(hashlib.sha256(str(tmp_path).encode()).digest()[:3])
    Image.new("RGB", (1200, 800), colour).save(file)
    return file
