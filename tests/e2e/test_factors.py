"""What one has besides the password: an app's codes, recovery codes, one's list of sessions, and patience."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pyotp
from playwright.sync_api import expect

from tests.e2e.boxes import Box
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Security": "Безопасность",
    "Set up": "Настроить",
    "The code that the app shows": "Код, который показывает приложение",
    "Code from your app": "Код из приложения",
    "This code is not right": "Код не подходит",
    "Recovery codes": "Запасные коды",
    "I have kept them": "Коды сохранены",
    "10 are left": "Осталось 10",
    "9 are left": "Осталось 9",
    "Second step": "Второй шаг",
    "Where you are signed in": "Где вы вошли",
    "this one": "этот",
    "End": "Завершить",
    "The session is ended.": "Сеанс завершён.",
    "Too many attempts": "Слишком много попыток",
    "More about {}": "Действия: {}",
    "Reset the second factor": "Сбросить второй фактор",
    "Reset": "Сбросить",
    "Remove it": "Убрать",
    "The app is no longer asked for.": "Код из приложения больше не запрашивается.",
}  # fmt: skip

MOST_FAILURES = 10
# By the form that is on the page, as often as it is told.
GUESS = """async ([login, times]) => {
  const form = document.querySelector("main form, form[action='/sign-in/']");
  for (let number = 0; number < times; number++) {
    const body = new FormData(form);
    body.set("login", login);
    body.set("password", `guess ${number}`);
    await fetch(form.action, { method: "POST", body: new URLSearchParams(body) });
  }
}"""


def test_an_app_is_set_up_and_asked_for_from_then_on(employee: Callable[..., Person], words: Words) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    # The stream of a page that is signed out may ask once more.
    anna.watch.tolerated |= {"422", "401"}
    page = anna.open("/feed/")
    page.locator("summary.me").click()
    page.get_by_role("link", name=say("Security")).click()
    page.get_by_role("link", name=say("Set up"), exact=True).click()
    app = pyotp.TOTP(page.locator("code.seed").inner_text().strip())
    page.get_by_label(say("The code that the app shows")).fill("000000")
    page.get_by_role("button", name=say("Set up")).click()
    expect(page.get_by_text(say("This code is not right"))).to_be_visible()
    assert pyotp.TOTP(page.locator("code.seed").inner_text().strip()).secret == app.secret
    page.get_by_label(say("The code that the app shows")).fill(app.now())
    page.get_by_role("button", name=say("Set up")).click()
    expect(page.locator(".codes li")).to_have_count(10)
    recovery = page.locator(".codes code").first.inner_text()
    page.get_by_role("link", name=say("I have kept them")).click()
    expect(page.get_by_text(say("10 are left"))).to_be_visible()

    anna.forgets_the_session()
    page.goto("/feed/")
    anna.sign_in()
    expect(page.get_by_role("heading", name=say("Second step"))).to_be_visible()
    page.get_by_label(say("Code from your app")).fill("000000")
    page.get_by_role("button", name=words.sign_in, exact=True).click()
    expect(page.get_by_text(say("This code is not right"))).to_be_visible()
    # The code of the step that set it up is used: the next one is good already.
    page.get_by_label(say("Code from your app")).fill(app.at(time.time() + 30))
    page.get_by_role("button", name=words.sign_in, exact=True).click()
    expect(anna.text_field).to_be_visible()

    anna.forgets_the_session()
    anna.sign_in()
    page.get_by_label(say("Code from your app")).fill(recovery)
    page.get_by_role("button", name=words.sign_in, exact=True).click()
    expect(anna.text_field).to_be_visible()
    page.goto("/profile/security/")
    expect(page.get_by_text(say("9 are left"))).to_be_visible()

    page.get_by_role("button", name=say("Remove it")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Remove it")).click()
    expect(page.get_by_text(say("The app is no longer asked for."))).to_be_visible()


def test_an_administrator_helps_who_has_lost_the_phone(
    box: Box, employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    boris = employee("Boris", words=words)
    theirs = Portal.of(box, boris.login)
    with_an_app(theirs)
    assert not Portal(box).sign_in(boris.login), "the app's code is asked for"

    olga = employee("Olga", words=words, administers=True)
    page = olga.open(f"/employees/{boris.pk}/")
    page.locator("#person summary").click()
    page.get_by_role("button", name=say("Reset the second factor")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Reset")).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(".notice.good")).to_contain_text("Boris")
    assert theirs.get("/feed/").status == 302
    assert Portal(box).sign_in(boris.login)


def with_an_app(portal: Portal) -> None:
    """As the page sets it up."""
    page = portal.get("/profile/security/app/").data.decode()
    (seed,) = re.findall(r'<code class="seed">(\w+)</code>', page)
    answer = portal.post("/profile/security/app/", code=pyotp.TOTP(seed).now())
    assert answer.status == 200, answer.status


def test_a_forgotten_session_is_ended_from_elsewhere(
    box: Box, employee: Callable[..., Person], visitor: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    elsewhere = visitor("Anna", words=words)
    elsewhere.watch.tolerated.add("401")
    elsewhere.is_signed_in_as(Portal.of(box, anna.login))
    elsewhere.open("/feed/")
    expect(elsewhere.text_field).to_be_visible()

    page = anna.open("/profile/security/")
    sessions = page.get_by_role("region", name=say("Where you are signed in")).get_by_role("listitem")
    expect(sessions).to_have_count(2)
    own = sessions.filter(has_text=say("this one"))
    expect(own.get_by_role("button", name=say("End"))).to_have_count(0)
    sessions.get_by_role("button", name=say("End"), exact=True).click()
    expect(page.get_by_text(say("The session is ended."))).to_be_visible()
    expect(sessions).to_have_count(1)
    expect(elsewhere.page.get_by_role("button", name=words.sign_in, exact=True)).to_be_visible()
    anna.open("/feed/")
    expect(anna.text_field).to_be_visible()


def test_who_guesses_must_wait_and_keeps_nobody_out(
    employee: Callable[..., Person], visitor: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    # The stream of a page that is signed out may ask once more.
    anna.watch.tolerated.add("401")
    # In this browser she has signed in before.
    anna.open("/sign-in/")
    anna.forgets_the_session()
    anna.sign_in()
    expect(anna.text_field).to_be_visible()

    guesser = visitor("Nobody", words=words)
    guesser.watch.tolerated.add("422")
    guesser.login = anna.login
    guesser.open("/sign-in/")
    guesser.page.evaluate(GUESS, [anna.login.login, MOST_FAILURES])
    guesser.sign_in()
    expect(guesser.page.get_by_role("alert")).to_contain_text(say("Too many attempts"))

    page = anna.page
    page.locator("summary.me").click()
    page.get_by_role("button", name=words.sign_out).click()
    page.wait_for_url(re.compile("/sign-in/"))
    anna.sign_in()
    expect(anna.text_field).to_be_visible()
