"""What people write is text, wherever it is shown."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import expect

from tests.e2e.people import Person, new_login
from tests.e2e.portal import Portal

ATTACKS = (
    "<script>window.ran = true</script>",
    "<img src=x onerror='window.ran = true'>",
    '"><svg onload=window.ran=true>',
    "{{ 7 * 7 }}",
    "javascript:window.ran=true",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_is_shown_as_text(anna: Person, olga: Portal, attack: str) -> None:
    """In names, posts, comments, files' names, cards of links; in lists, on pages, in what typing finds."""
    mark = secrets.token_hex(4)
    mallory = new_login("mallory")
    person_id = olga.employ(mallory, first_name=attack[:100], last_name=f"M{mark}")
    theirs = Portal.of(olga.box, mallory)
    text = f"{mark} {attack}"
    post_id = theirs.publish(text, files=[theirs.upload(attack, b"content")])
    assert theirs.post(f"/discussion/feed.post/{post_id}/comments/", text=attack, nonce=mark).status == 302

    page = anna.open("/feed/")
    expect(anna.post(text)).to_be_visible()
    expect(anna.post(text).locator(".attached")).to_contain_text(attack)
    expect(anna.post(text).locator(".post-who")).to_contain_text(attack)
    assert not ran(anna)
    page.goto(f"/feed/{post_id}/")
    expect(page.locator(".comment p")).to_have_text(attack)
    assert not ran(anna)
    links = [f"{olga.box.url}/employees/{person_id}/", f"{olga.box.url}/feed/{post_id}/"]
    link_id = theirs.publish(" ".join(links))
    page.goto(f"/feed/{link_id}/")
    expect(page.locator(".link-cards a")).to_contain_text([attack[:40], attack[:20]])
    assert not ran(anna)
    page.goto(f"/employees/?q=M{mark}")
    expect(page.locator("#list")).to_contain_text(attack)
    page.get_by_role("searchbox", name="Search", exact=True).fill(f"M{mark}")
    expect(page.locator("#found")).to_contain_text(attack)
    assert not ran(anna)
    page.goto(f"/employees/{person_id}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(attack)
    assert not ran(anna)


def ran(person: Person) -> bool:
    return bool(person.page.evaluate("() => window.ran === true"))


def test_links_in_texts_lead_out_without_a_way_back(anna: Person, olga: Portal) -> None:
    post_id = olga.publish("See https://example.com/a?b=1&c=<2> and javascript:window.ran=true")
    page = anna.open(f"/feed/{post_id}/")
    link = page.locator(".prose a")
    expect(link).to_have_count(1)
    expect(link).to_have_attribute("href", "https://example.com/a?b=1&c=")
    assert "noopener" in (link.get_attribute("rel") or "")


def test_pages_forbid_frames_and_foreign_scripts(olga: Portal) -> None:
    headers = olga.get("/feed/").headers
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
