// The small scripts of the shell: notes, the bell, who sees what one writes, rich text before its editor comes.

import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, page, pass, portal, reply, say, settled, toasts, told, type } from "./portal.mjs";

let audience;
let toast;

before(async () => {
  clock();
  page();
  ({ audience } = await import("../../box/static/js/audience.js"));
  ({ toast } = await import("../../box/static/js/toasts.js"));
  await import("../../box/static/js/bell.js");
  await import("../../box/static/js/rich.js");
});

beforeEach(() => {
  clock();
  mock.method(Math, "random", () => 0);
});

// Notes

test("a note goes after ten seconds, but not while one points at it", async () => {
  page();
  toast("Saved.");
  await pass(9999);
  assert.deepEqual(toasts(), ["Saved."]);
  say("pointerenter", {}, find(".toast"));
  await pass(60_000);
  assert.deepEqual(toasts(), ["Saved."]);
  say("pointerleave", {}, find(".toast"));
  await pass(10_000);
  assert.deepEqual(toasts(), []);
});

test("nothing to say is no note, and a name is nobody's markup", () => {
  page();
  toast("");
  toast("<b>Anna</b>", { isError: true });
  assert.deepEqual(toasts(), ["<b>Anna</b>"]);
  assert.ok(find(".toast").classList.contains("error"));
});

test("a note is raised above the dialog that was opened before it, each anew", () => {
  page();
  const did = [];
  Object.assign(find("#toasts"), { hidePopover: () => did.push("hide"), showPopover: () => did.push("show") });
  toast("One.");
  toast("Two.");
  assert.deepEqual(did, ["hide", "show", "hide", "show"]);
});

test("what was done can be undone from the note, once", () => {
  page();
  toast("Hidden.", { action: { label: "Undo", url: "/undo/", values: { id: 3 } } });
  const button = find(".toast .undo");
  button.click();
  assert.equal(find(".toast"), null);
  assert.deepEqual(
    htmx.asked.map(({ verb, url, values }) => [verb, url, values.id]),
    [["POST", "/undo/", 3]],
  );
});

// The bell

test("the bell says the number, and nothing for none", () => {
  page('<span id="bell-count">1</span>');
  told("notify", "count", { unread: 4 });
  assert.equal(find("#bell-count").textContent, "4");
  told("feed", "count", { unread: 9 });
  assert.equal(find("#bell-count").textContent, "4");
  told("notify", "count", { unread: 0 });
  assert.equal(find("#bell-count").textContent, "");
});

test("numbers in the menu change in every tab, and the title says the sum", () => {
  page('<b data-counter="crm"></b><b data-counter="worktime">2</b><span id="bell-count">1</span>');
  document.title = "Feed";
  told("notify", "counter", { key: "crm", shown: "99+" });
  assert.equal(find("[data-counter=crm]").textContent, "99+");
  assert.equal(document.title, "(99+) Feed");
  told("notify", "counter", { key: "crm", shown: "" });
  assert.equal(document.title, "(3) Feed");
  told("notify", "counter", { key: "worktime", shown: "" });
  told("notify", "count", { unread: 0 });
  assert.equal(document.title, "Feed");
});

test("the bell asks after each gap, and is told the rest", async () => {
  page('<a id="bell" data-unread="/unread/"><span id="bell-count"></span></a>');
  for (const name of ["hello", "hello", "reset", "reset"]) {
    say(`push:${name}`, {});
    await pass(0);
  }
  assert.deepEqual(
    htmx.asked.map(({ url }) => url),
    ["/unread/", "/unread/"],
  );
});

// Who will see it

const ANNA = { code: "U1", name: "Anna" };
const SALES = { code: "D1", name: "Sales" };
const EVERYONE = { code: "UA", name: "All employees" };

function choosing(chosen, usual = []) {
  page(
    `<form data-chosen='${JSON.stringify(chosen)}' data-usual='${JSON.stringify(usual)}'><div data-remove="Remove"></div></form>`,
  );
  const component = audience();
  const field = document.createElement("input");
  Object.assign(component, {
    $root: find("form div"),
    $nextTick: (act) => act(),
    $refs: { search: field, more: document.createElement("button") },
  });
  component.init();
  return component;
}
const choose = (component, { code, name }) => {
  const button = Object.assign(document.createElement("button"), { innerHTML: "<b></b>" });
  Object.assign(button.dataset, { code, name });
  component.choose({ target: button.firstChild });
};

test("all employees contain everybody: nobody needs to be named beside them", () => {
  const component = choosing([ANNA]);
  choose(component, SALES);
  assert.deepEqual(component.chosen, [ANNA, SALES]);
  choose(component, EVERYONE);
  assert.deepEqual(component.chosen, [EVERYONE]);
  choose(component, ANNA);
  assert.deepEqual(component.chosen, [ANNA]);
});

test("nobody is chosen twice, and who is taken away is gone", () => {
  const component = choosing([ANNA, SALES]);
  choose(component, ANNA);
  assert.deepEqual(component.chosen, [SALES, ANNA]);
  component.remove("D1");
  assert.deepEqual(component.chosen, [ANNA]);
  assert.equal(component.label("Anna"), "Remove Anna");
});

test("the choice is part of the draft, and after sending the usual one is back", () => {
  const component = choosing([ANNA], [EVERYONE]);
  const detail = {};
  find("form").dispatchEvent(new CustomEvent("draft:save", { detail }));
  assert.deepEqual(detail.audience, [ANNA]);
  find("form").dispatchEvent(new CustomEvent("draft:restore", { detail: { audience: [SALES] } }));
  assert.deepEqual(component.chosen, [SALES]);
  find("form").dispatchEvent(new CustomEvent("draft:restore", { detail: {} }));
  assert.deepEqual(component.chosen, [SALES]);
  find("form").dispatchEvent(new CustomEvent("draft:dropped"));
  assert.deepEqual(component.chosen, [EVERYONE]);
});

test("a draft that was begun in another language says who all are in this one", () => {
  const component = choosing([ANNA]);
  find("form div").dataset.everyone = "Все сотрудники";
  find("form").dispatchEvent(new CustomEvent("draft:restore", { detail: { audience: [EVERYONE, SALES] } }));
  assert.deepEqual(component.chosen, [{ code: "UA", name: "Все сотрудники" }, SALES]);
});

// Rich text

const writing = (text = "", html = "") =>
  page(
    `<form><rich-text data-people="/people/"><textarea name="text">${text}</textarea><input type="hidden" name="html" value="${html}"></rich-text></form>`,
  );

test("what is typed before the editor comes is the newer text", () => {
  writing();
  find("[name=html]").value = "<p>old</p>";
  type(find("textarea"), "new");
  assert.equal(find("[name=html]").value, "");
});

test("plain text comes back in paragraphs and as text, never as markup", () => {
  writing();
  find("textarea").value = "One <b>&\nline\n\nTwo";
  find("form").dispatchEvent(new CustomEvent("draft:restore", { detail: {} }));
  assert.equal(find("[name=html]").value, "<p>One &lt;b&gt;&amp;<br>line</p><p>Two</p>");
});

test("what the server put back is not overwritten by a draft", () => {
  writing("x");
  find("[name=html]").value = "<p>refused</p>";
  find("form").dispatchEvent(new CustomEvent("draft:restore", { detail: { html: "<p>kept</p>" } }));
  assert.equal(find("[name=html]").value, "<p>refused</p>");
});

test("people are asked for by what was typed; without an answer one is told", async () => {
  writing();
  const asked = portal(() => reply({ people: [{ id: 1, name: "Anna" }] }));
  assert.deepEqual(await find("rich-text").people("Анна К"), [{ id: 1, name: "Anna" }]);
  assert.equal(new URL(asked[0].url).searchParams.get("q"), "Анна К");
  portal();
  assert.deepEqual(await find("rich-text").people("x"), []);
  await settled();
  assert.deepEqual(toasts(), ["It did not work."]);
});
