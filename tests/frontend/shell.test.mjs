import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

import { clock, find, leaving, main, page, pass, portal, press, reply, say, settled, toasts, type } from "./portal.mjs";

const SHELL = `
  <ul class="menu-list"><a data-entry="feed"></a><a data-entry="tasks" aria-current="page"></a></ul>
  <a id="help" data-for="/help/"></a>
  <form class="search" id="searching"><input type="search" id="search"><div class="sheet" id="found"></div></form>
  <div class="brand"><img><span class="label"></span></div>
  <dialog id="ask"><p></p><button value="yes"></button></dialog>`;
const FOUND = '<a class="item" href="/a/">a</a><a class="item" href="/b/">b</a>';

before(async () => {
  clock();
  page();
  await import("../../box/static/js/shell.js");
});

beforeEach(() => {
  clock();
  portal();
});

const whole = (content = "") => {
  page(content);
  document.body.insertAdjacentHTML("afterbegin", SHELL);
};
const request = (text, type = "text/html; charset=utf-8", status = 200) => ({
  status,
  responseText: text,
  getResponseHeader: () => type,
});
const swap = (detail) =>
  say("htmx:beforeSwap", { boosted: true, target: document.body, requestConfig: { elt: main() }, ...detail }).detail;

test("a page that was gone to takes the place of the main region, an error's page too", () => {
  whole();
  const detail = swap({ xhr: request("<main>", undefined, 404), isError: true, shouldSwap: false });
  assert.deepEqual([detail.shouldSwap, detail.isError, detail.selectOverride], [true, false, "#main"]);
  assert.equal(detail.target, main());
});

test("a sentence instead of a page leaves what one reads", () => {
  whole();
  assert.equal(swap({ xhr: request("Too many.", "text/plain"), shouldSwap: false }).shouldSwap, false);
});

test("an error says what the portal says, and where nothing is said that it failed", () => {
  whole();
  say("htmx:responseError", { xhr: request("Too many.", "text/plain") });
  say("htmx:responseError", { xhr: request("<style>p {}</style><p data-error>Gone.</p>") });
  say("htmx:responseError", { xhr: request("<p>Internal</p>") });
  say("htmx:sendError");
  assert.deepEqual(toasts(), ["Too many.", "Gone.", "It did not work.", "No connection."]);
});

test("who is signed out no more is sent to the door", () => {
  whole();
  const places = leaving();
  say("htmx:responseError", { xhr: request("", undefined, 401) });
  assert.deepEqual([places, toasts()], [["/sign-in/"], []]);
});

test("a new page is announced: the menu, the help, the heading", () => {
  whole("<h1>Feed</h1>");
  say("htmx:afterSettle", { boosted: true, target: main() });
  assert.equal(document.activeElement, find("h1"));
  assert.equal(find("[data-entry=feed]").getAttribute("aria-current"), "page");
  assert.equal(find("[data-entry=tasks]").getAttribute("aria-current"), null);
  assert.equal(find("#help").getAttribute("href"), `/help/?at=${encodeURIComponent("/feed/")}`);
});

test("a new name is in the bar as soon as the page that says so", () => {
  const me = (name) => `<div class="topbar"><b class="me" data-me="${name} 1">${name}</b></div>`;
  const arrived = (name) => say("htmx:afterSettle", { boosted: true, target: main(), xhr: request(me(name)) });
  whole();
  document.body.insertAdjacentHTML("afterbegin", me("Anna"));
  main().dataset.me = "Anna 1";
  const before = find(".me");
  arrived("Other");
  assert.equal(find(".me"), before);
  main().dataset.me = "Anja 1";
  arrived("Anja");
  assert.equal(find(".me").textContent, "Anja");
});

test("a link is copied with a press, and that is said", async () => {
  whole(
    '<div class="copyable"><input readonly value="https://x/1"><button data-copy data-copied="Copied."><i></i></button></div>',
  );
  const copied = [];
  Object.defineProperty(navigator, "clipboard", {
    configurable: true,
    value: { writeText: async (text) => copied.push(text) },
  });
  find(".copyable i").click();
  await settled();
  assert.deepEqual([copied, toasts()], [["https://x/1"], ["Copied."]]);
});

test("a page that wants its field focused gets it", () => {
  whole("<h1>Find</h1><input autofocus>");
  say("htmx:afterSettle", { boosted: true, target: main() });
  assert.equal(document.activeElement, find("input[autofocus]"));
  assert.equal(find("input[autofocus]").getAttribute("tabindex"), null);
});

test("a form that was answered gets another nonce, one that was refused keeps it", () => {
  whole('<form><input name="nonce" value="first"></form>');
  const detail = { requestConfig: { elt: find("#main form"), verb: "post" } };
  say("htmx:afterRequest", { ...detail, successful: false });
  assert.equal(find("[name=nonce]").value, "first");
  say("htmx:afterRequest", { ...detail, successful: true });
  assert.match(find("[name=nonce]").value, /^[0-9a-f-]{36}$/);
});

test("the line at the top is there until the last answer", () => {
  whole();
  const isLoading = () => document.body.hasAttribute("data-loading");
  const detail = { boosted: true, requestConfig: { elt: main(), verb: "get" } };
  say("htmx:beforeRequest", detail);
  say("htmx:beforeRequest", detail);
  say("htmx:afterRequest", detail);
  assert.equal(isLoading(), true);
  say("htmx:afterRequest", detail);
  assert.equal(isLoading(), false);
});

const byTheClock = () =>
  say("htmx:beforeSwap", { target: main(), shouldSwap: true, requestConfig: { elt: find("[hx-trigger]") } }).detail
    .shouldSwap;

test("what renews itself waits while something is pressed", () => {
  whole('<div hx-trigger="every 5s"></div>');
  assert.equal(byTheClock(), true);
  say("pointerdown");
  assert.equal(byTheClock(), false);
  say("pointerup");
  assert.equal(byTheClock(), true);
});

test("and while one has something of it open, or types", () => {
  whole('<div hx-trigger="every 5s"><details class="drop"></details><input></div>');
  assert.equal(byTheClock(), true);
  find("#main details").open = true;
  assert.equal(byTheClock(), false);
  find("#main details").open = false;
  find("#main input").value = "half a word";
  assert.equal(byTheClock(), false);
});

test("and while a page is on its way", () => {
  whole('<div hx-trigger="every 5s"></div>');
  const detail = { boosted: true, requestConfig: { elt: main(), verb: "get" } };
  say("htmx:beforeRequest", detail);
  assert.equal(byTheClock(), false);
  say("htmx:afterRequest", detail);
});

test("suggestions come too late for whoever has asked for the page, until they type again", () => {
  whole();
  const isSwapped = () =>
    say("htmx:beforeSwap", { target: find("#found"), shouldSwap: true, requestConfig: { elt: find("#search") } }).detail
      .shouldSwap;
  assert.equal(isSwapped(), true);
  say("submit", {}, find("#searching"));
  assert.equal(isSwapped(), false);
  assert.ok(say("htmx:beforeRequest", {}, find("#search")).defaultPrevented);
  type(find("#search"), "anna");
  assert.equal(isSwapped(), true);
  assert.ok(!say("htmx:beforeRequest", {}, find("#search")).defaultPrevented);
});

test("what one walks through does not change underneath", () => {
  whole();
  find("#found").innerHTML = FOUND;
  find("#found a").focus();
  assert.ok(say("htmx:beforeRequest", {}, find("#search")).defaultPrevented);
});

test("arrows walk through what was found, and back to the field", () => {
  whole();
  find("#found").innerHTML = FOUND;
  const [first, second] = document.querySelectorAll("#found a");
  find("#search").focus();
  press(find("#search"), "ArrowDown");
  assert.equal(document.activeElement, first);
  press(first, "ArrowDown");
  assert.equal(document.activeElement, second);
  press(second, "ArrowDown");
  assert.equal(document.activeElement, first);
  press(first, "ArrowUp");
  assert.equal(document.activeElement, find("#search"));
});

test("Escape closes a sheet and gives the focus back", () => {
  whole(
    '<details class="drop" open><summary>More</summary><div class="sheet"><a class="item" href="/">x</a></div></details>',
  );
  find(".item").focus();
  press(find(".item"), "Escape");
  assert.equal(find("details").open, false);
  assert.equal(document.activeElement, find("summary"));
});

test("a click elsewhere closes sheets, one within does not", () => {
  whole(
    '<details class="drop" open><summary>More</summary><div class="sheet"><b>x</b></div></details><i>elsewhere</i>',
  );
  find("#main b").click();
  assert.equal(find("details").open, true);
  find("#main i").click();
  assert.equal(find("details").open, false);
});

test("a slash goes to the search, the page's own if there is one, and stays a slash where one writes", () => {
  whole("<textarea></textarea>");
  press(document.body, "/");
  assert.equal(document.activeElement, find("#search"));
  find("textarea").focus();
  assert.equal(press(find("textarea"), "/").defaultPrevented, false);
  assert.equal(press(document.body, "/", { ctrlKey: true }).defaultPrevented, false);
  whole('<input data-search class="own">');
  press(document.body, "/");
  assert.equal(document.activeElement, find(".own"));
});

test("Ctrl+Enter sends what one writes, Enter is a line", () => {
  whole("<form><textarea></textarea></form>");
  let sent = 0;
  find("#main form").requestSubmit = () => (sent += 1);
  press(find("textarea"), "Enter");
  assert.equal(sent, 0);
  press(find("textarea"), "Enter", { ctrlKey: true });
  press(find("textarea"), "Enter", { metaKey: true });
  assert.equal(sent, 2);
});

test("what is dangerous is asked first, by its name, and only a yes does it", () => {
  whole('<button data-yes="Delete it">x</button>');
  const dialog = find("#ask");
  dialog.showModal = () => {};
  const done = [];
  const ask = () =>
    say("htmx:confirm", {
      question: "Delete 3 files?",
      elt: find("#main button"),
      issueRequest: (skips) => done.push(skips),
    });
  assert.ok(ask().defaultPrevented);
  assert.equal(dialog.querySelector("p").textContent, "Delete 3 files?");
  assert.equal(dialog.querySelector("[value=yes]").textContent, "Delete it");
  say("close", {}, dialog);
  assert.deepEqual(done, []);
  ask();
  dialog.returnValue = "yes";
  say("close", {}, dialog);
  assert.deepEqual(done, [true]);
});

test("of a form with two answers the one that is dangerous is asked", () => {
  whole('<form><button hx-confirm="All of it goes." data-yes="Undo">x</button><button>no</button></form>');
  const dialog = find("#ask");
  let shown = 0;
  dialog.showModal = () => (shown += 1);
  const [yes, no] = document.querySelectorAll("#main button");
  const done = [];
  const submit = (submitter) =>
    say("htmx:confirm", {
      question: null,
      elt: find("#main form"),
      issueRequest: (skips) => done.push(skips),
      triggeringEvent: { submitter },
    });
  assert.equal(submit(no).defaultPrevented, false);
  assert.equal(shown, 0);
  assert.ok(submit(yes).defaultPrevented);
  assert.equal(dialog.querySelector("p").textContent, "All of it goes.");
  assert.equal(dialog.querySelector("[value=yes]").textContent, "Undo");
  dialog.returnValue = "yes";
  say("close", {}, dialog);
  assert.deepEqual([shown, done], [1, [true]]);
});

test("without a question nothing is asked", () => {
  whole();
  assert.equal(say("htmx:confirm", { elt: main() }).defaultPrevented, false);
});

test("a sheet asks for what it holds each time it is opened, by the address of its link", () => {
  whole(
    '<details class="drop"><summary>x</summary><div class="sheet" data-from=""><a href="/who/">all</a></div></details>',
  );
  const drop = find("details");
  drop.open = true;
  htmx.asked.length = 0;
  say("toggle", {}, drop);
  find(".sheet").replaceChildren();
  say("toggle", {}, drop);
  assert.deepEqual(
    htmx.asked.map(({ url }) => url),
    ["/who/", "/who/"],
  );
  drop.open = false;
  htmx.asked.length = 0;
  say("toggle", {}, drop);
  assert.equal(htmx.asked.length, 0);
});

test("a button of the bare form posts where it says, and the answer comes where it stands", () => {
  whole(
    '<form id="bare"></form><div data-answered><button formaction="/like/" form="bare">x</button></div><button class="out" form="bare">x</button>',
  );
  const submit = (submitter) => say("submit", {}, find("#bare"), { submitter });
  assert.ok(submit(find("[formaction]")).defaultPrevented);
  assert.equal(htmx.asked[0].url, "/like/");
  assert.equal(htmx.asked[0].target, find("[data-answered]"));
  assert.equal(submit(find(".out")).defaultPrevented, false);
});

test("another name of the company is there at once", async () => {
  whole();
  say("push:message", { topic: "portal", kind: "brand", payload: { name: "Acme", logo: "/logo/2" } });
  await pass(0);
  assert.equal(find(".brand .label").textContent, "Acme");
  assert.equal(find(".brand img").getAttribute("src"), "/logo/2");
});

test("the theme changes before the box answers, and the box is told", async () => {
  whole(
    '<form action="/theme/"><span><button name="theme" value="dark" data-set-theme></button><button value="light" data-set-theme></button></span></form>',
  );
  const asked = portal(() => reply({}));
  find("[value=dark]").click();
  assert.equal(document.documentElement.dataset.theme, "dark");
  assert.equal(find("[value=dark]").getAttribute("aria-pressed"), "true");
  assert.equal(find("[value=light]").getAttribute("aria-pressed"), "false");
  await settled();
  assert.match(asked[0].url, /\/theme\/$/);
});

test("a dialog that is asked for opens with its content, and closes at what it waits for", () => {
  whole('<dialog id="plan" data-until="done"><button data-close>x</button></dialog>');
  const dialog = find("#plan");
  const did = [];
  dialog.showModal = () => did.push("open");
  dialog.close = () => did.push("close");
  say("htmx:afterSwap", { target: dialog });
  window.dispatchEvent(new CustomEvent("done"));
  find("[data-close]").click();
  assert.deepEqual(did, ["open", "close", "close"]);
});

const takenOffWhileItAsks = (elt, readyState, boosted = false) => {
  const told = (name, detail) => elt.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, detail }));
  told("htmx:beforeRequest", { requestConfig: { elt }, xhr: { readyState }, boosted });
  told("htmx:beforeCleanupElement", {});
  return told("htmx:beforeOnLoad", {});
};

test("what a list that is gone had asked for is not taken in any more", () => {
  whole('<input id="late" hx-replace-url="true"><input id="bare">');
  const isTaken = (id, readyState) => takenOffWhileItAsks(find(`#${id}`), readyState);
  assert.equal(isTaken("bare", 1), true);
  assert.equal(isTaken("late", 4), true);
  assert.equal(isTaken("late", 1), false);
});

test("a form that is gone while it is sent still leads to another address", () => {
  whole('<form id="sent"></form><form id="answered"></form>');
  assert.equal(takenOffWhileItAsks(find("#sent"), 1, true), true);
  takenOffWhileItAsks(find("#answered"), 4, true);
  assert.equal(find("#sent").getAttribute("hx-push-url"), "true");
  assert.equal(find("#answered").getAttribute("hx-push-url"), null);
});

test("what the bar of a phone has no room for comes with its last button, and goes again", () => {
  find(".menu-list").insertAdjacentHTML(
    "beforeend",
    '<li class="menu-more"><button aria-expanded="false"></button></li>',
  );
  const button = find(".menu-more button");
  const states = [button, button, button, find("[data-entry=feed]")].map((target) => {
    target.click();
    return button.getAttribute("aria-expanded");
  });
  find(".menu-more").remove();
  assert.deepEqual(states, ["true", "false", "true", "false"]);
});
