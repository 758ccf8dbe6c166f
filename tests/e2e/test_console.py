"""The console shows how the box is, to administrators alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.people import Person
from tests.e2e.portal import Portal

SERVICES = {"agent", "balancer", "cache", "database", "jobs", "objects", "push", "web"}


def test_every_service_is_green_and_shows_its_log(administrator: Person) -> None:
    page = administrator.open("/feed/")
    page.get_by_role("navigation").get_by_role("link", name="Console").click()
    expect(page.get_by_role("heading", name="The health of the box")).to_be_visible()
    rows = page.locator(".services > li")
    # Where backups are set up, their service is one more.
    status = administrator.watch.box.status()
    services = {one["name"] for one in status["services"]}
    assert services >= SERVICES
    expect(rows).to_have_count(len(services))
    expect(rows.locator(".tag.good", has_text="running")).to_have_count(len(services))
    # A box that sends no letters is not in order, however well its services are.
    checks = page.locator(".checks > li")
    expect(checks.filter(has_text="Mail").get_by_text("needs you")).to_be_visible()
    checks.filter(has_text="Mail").get_by_role("link", name="Name the mail server").click()
    expect(page.get_by_label("Mail server")).to_be_visible()
    page.go_back()
    for name in services:
        expect(page.locator(f'a[href="/console/services/{name}/"]').first).to_be_visible()
    page.locator('a.btn[href="/console/services/balancer/"]').click()
    log = page.get_by_role("region", name="Log")
    expect(log).to_contain_text(re.compile(r"GET \S*/console/"))
    page.get_by_role("link", name="Console").last.click()
    expect(page.get_by_role("heading", name="The health of the box")).to_be_visible()


def test_service_is_restarted_by_a_button(administrator: Person) -> None:
    administrator.watch.tolerated |= {"502", "503"}
    before = administrator.watch.box.processes("push")
    page = administrator.open("/console/services/push/")
    page.get_by_role("button", name="Restart").click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(page.get_by_role("heading", name="The health of the box")).to_be_visible()
    operation = page.locator(".operation").first
    expect(operation.locator(".tag.good")).to_be_visible()
    assert administrator.watch.box.processes("push").isdisjoint(before)


def test_for_everybody_else_there_is_no_console(anna: Person) -> None:
    anna.watch.tolerated.add("404")
    page = anna.open("/feed/")
    expect(page.get_by_role("navigation").get_by_role("link", name="Company")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link", name="Console")).to_have_count(0)
    for path in ("/console/", "/console/services/web/"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404


def test_only_administrators_change_who_works_here(olga: Portal, anna: Person) -> None:
    theirs = Portal.of(olga.box, anna.login)
    assert theirs.get("/employees/new/").status == 403
    assert theirs.post(f"/employees/{anna.pk}/dismissal/").status == 403
    assert theirs.post("/console/services/web/restart/").status == 404
    assert theirs.get("/employees/").status == 200


def test_unknown_service_is_not_found(olga: Portal) -> None:
    assert olga.get("/console/services/nothing/").status == 404
