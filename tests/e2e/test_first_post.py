"""From nothing to the first post: the whole way that a company goes on its first day, in each language."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Request, expect

from tests.e2e.boxes import Box
from tests.e2e.browser import Watch
from tests.e2e.conftest import LARGE
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

# What the page is told, not what it is asked for: every value that a bar has had.
NOTE_PROGRESS = """() => {
  window.progressSeen = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target.getAttribute("aria-label") === "film.bin") window.progressSeen.push(target.value);
    }
  }).observe(document.querySelector("#composer .uploads"), {
    subtree: true, childList: true, attributes: true, attributeFilter: ["value"],
  });
}"""


def test_first_day(
    box: Box, visitor: Callable[..., Person], words: Words, large_file: Path, tmp_path: Path
) -> None:
    administrator = visitor("Olga", words=words)
    administrator.login = box.admin
    anna = visitor(*NAMES[words.language][0], words=words)
    boris = visitor(*NAMES[words.language][1], words=words)

    # A story before may have been told in the other one.
    assert Portal.of(box, box.admin).post("/preferences/", language=words.language).status == 302
    use_language(administrator)
    administrator.sign_in()
    for person in (anna, boris):
        add_employee(administrator, person)

    boris.sign_in()
    expect(boris.text_field).to_be_visible()
    boris.marks_the_page()
    anna.sign_in()
    expect(anna.text_field).to_be_visible()

    note, table = tmp_path / "заметка.txt", tmp_path / "table.csv"
    note.write_text("Доброе утро!\n", encoding="utf-8")
    table.write_text("a;b\n1;2\n", encoding="utf-8")
    text = f"Привет, hello! {secrets.token_hex(4)}"
    publish_with_files(box, anna, text, large_file, note, table)

    expect(boris.chip).to_have_text(words.new_posts[0])
    boris.expect_the_same_page()
    boris.chip.click()
    post = boris.post(text)
    expect(post).to_be_visible()
    expect(post.get_by_role("link", name="заметка.txt")).to_be_visible()
    expect(post.get_by_role("link", name="film.bin")).to_contain_text(words.large_size)
    expect(boris.chip).to_have_count(0)

    like_and_comment(boris, text)
    with boris.page.expect_download() as download:
        post.get_by_role("link", name="film.bin").click()
    assert download.value.suggested_filename == "film.bin"
    assert sha256(download.value.path()) == sha256(large_file)
    boris.expect_the_same_page()

    # The author sees the like without a reload, and the comment behind its chip.
    own = anna.post(text)
    expect(own.get_by_role("button", name=f"{words.like} 1", exact=True)).to_be_visible()
    own.get_by_role("link", name=words.comments).click()
    expect(own.get_by_text("Отличная новость / great news")).to_be_visible()


NAMES = {
    "en": [("Anna", "Adams"), ("Boris", "Brown")],
    "ru": [("Анна", "Абрамова"), ("Борис", "Белов")],
}


def use_language(person: Person) -> None:
    """By the button under the sign-in form; the box itself speaks English."""
    person.page.goto("/sign-in/")
    name = {"en": "English", "ru": "Русский"}[person.words.language]
    person.page.get_by_role("button", name=name).click()
    expect(person.page.locator("html")).to_have_attribute("lang", person.words.language)


def add_employee(administrator: Person, person: Person) -> None:
    page, words = administrator.page, person.words
    page.get_by_role("navigation").get_by_role("link", name=words.company).click()
    page.get_by_role("link", name=words.add_an_employee).click()
    page.get_by_label(words.last_name).fill(person.last_name)
    page.get_by_label(words.first_name).fill(person.first_name)
    page.get_by_label(words.email, exact=True).fill(person.login.login)
    page.get_by_label(words.first_password).fill(person.login.password)
    page.get_by_role("combobox", name=words.language_field).select_option(words.language)
    page.get_by_role("button", name=words.add, exact=True).click()
    expect(page.get_by_text(words.can_sign_in.format(person.name))).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text(person.last_name)


def publish_with_files(box: Box, anna: Person, text: str, *files: Path) -> None:
    log_before = len(box.log("balancer"))
    anna.page.evaluate(NOTE_PROGRESS)
    anna.choose_files(*files)
    anna.text_field.fill(text)
    anna.publish()
    expect(anna.post(text)).to_be_visible()
    expect(anna.page.get_by_text(anna.words.published)).to_be_visible()
    expect(anna.written).to_have_value("")
    seen = [value for value in anna.page.evaluate("() => window.progressSeen") if 0 < value < 1]
    assert len(set(seen)) > 3, seen
    expect_parts(box, anna.watch)
    expect_no_file_through_workers(box, anna.watch, box.log("balancer")[log_before:])


def expect_parts(box: Box, watch: Watch) -> None:
    """The large file went to the store in many requests, each with its own part of it."""
    sent = [request for request in watch.to(f"/{box.bucket}/") if request.method == "PUT"]
    by_key: dict[str, set[str]] = {}
    for request in sent:
        address = urlsplit(request.url)
        by_key.setdefault(address.path, set()).update(parse_qs(address.query)["partNumber"])
    assert len(by_key) == 3
    large = max(by_key.values(), key=len)
    assert len(large) > 3
    assert large == {str(number) for number in range(1, len(large) + 1)}
    assert sum(size_of(request) for request in sent) >= LARGE


def expect_no_file_through_workers(box: Box, watch: Watch, log: str) -> None:
    """What the browser sent elsewhere is small; and the balancer gave every part to the store."""
    elsewhere = [request for request in watch.requests if f"/{box.bucket}/" not in request.url]
    assert sum(size_of(request) for request in elsewhere) < 1_000_000
    parts = re.findall(rf" (\w+)/\w+ .* PUT \S*/{box.bucket}/", log)
    assert len(parts) > 3
    assert set(parts) == {"objects"}


def size_of(request: Request) -> int:
    """Bytes of the body that went out."""
    return int(request.header_value("Content-Length") or 0)


def like_and_comment(boris: Person, text: str) -> None:
    post, words = boris.post(text), boris.words
    # Its name holds its count, once there is one: "Like 1".
    like = post.get_by_role("button", name=re.compile(rf"^{words.like}( \d+)?$"))
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    expect(like).to_contain_text("1")
    post.get_by_role("link", name=words.comments).click()
    post.get_by_label(words.your_comment).fill("Отличная новость / great news")
    post.get_by_role("button", name=words.send).click()
    expect(post.locator(".comment")).to_have_count(1)
    expect(post.locator(".answer textarea")).to_have_value("")


def sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
