// The small scripts of the shell: notes, the bell, who sees what one writes, rich text before its editor comes.

import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, page, pass, portal, press, reply, say, settled, toasts, told, type } from "./portal.mjs";

let toast;

before(async () => {
  clock();
  page();
  ({ toast } = await import("../../box/static/js/toasts.js"));
  await import("../../box/static/js/bell.js");
  await import("../../box/static/js/principal-picker.js");
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

const picking = (chosen, usual = [], { own = "", name = "audience" } = {}) => {
  page(`<form data-chosen='${JSON.stringify(chosen)}' data-usual='${JSON.stringify(usual)}'><principal-picker ${own}>
    <template><span class="chip-choice"><span></span><input type="hidden" name="${name}"><button type="button"
      aria-label="Remove"></button></span></template>
    <button type="button" id="more" aria-expanded="false" aria-controls="sheet"></button>
    <div class="sheet" id="sheet" hidden><input type="search"><div class="options"></div></div>
    </principal-picker></form><p id="outside"></p>`);
  return find("principal-picker");
};
const chips = () => [...document.querySelectorAll(".chip-choice")];
const shown = () => chips().map((chip) => chip.querySelector("span").textContent);
const posted = () => chips().map((chip) => chip.querySelector("input").value);
const found = ({ code, name }) => {
  find(".options").innerHTML = "<button type='button'><b></b></button>";
  Object.assign(find(".options button").dataset, { code, name });
  return find(".options b");
};
const pick = (one) => found(one).click();
const draft = (name, detail) => find("form").dispatchEvent(new CustomEvent(`draft:${name}`, { detail }));

test("all employees contain everybody: nobody needs to be named beside them", () => {
  picking([ANNA]);
  pick(SALES);
  assert.deepEqual(posted(), ["U1", "D1"]);
  pick(EVERYONE);
  assert.deepEqual(posted(), ["UA"]);
  pick(ANNA);
  assert.deepEqual(posted(), ["U1"]);
});

test("nobody is chosen twice, and who is taken away is gone", () => {
  const picker = picking([ANNA, SALES]);
  let changes = 0;
  picker.addEventListener("draft:changed", () => (changes += 1));
  pick(ANNA);
  assert.deepEqual(shown(), ["Sales", "Anna"]);
  assert.equal(chips()[0].querySelector("button").getAttribute("aria-label"), "Remove Sales");
  chips()[0].querySelector("button").click();
  assert.deepEqual(posted(), ["U1"]);
  assert.equal(document.activeElement, find("#more"));
  assert.equal(changes, 2);
});

test("of one, each choice takes the place of the one before", () => {
  picking([ANNA], [], { own: "data-one", name: "responsible" });
  pick(SALES);
  assert.deepEqual(posted(), ["D1"]);
});

test("the search opens with what it begins with, and closes by Escape, a choice, and a click beside it", () => {
  picking([ANNA]);
  const isOpen = () => !find("#sheet").hidden && find("#more").getAttribute("aria-expanded") === "true";
  let asked = 0;
  find("#sheet input").addEventListener("input", () => (asked += 1));
  for (const close of [
    () => press(find("#sheet input"), "Escape"),
    () => pick(SALES),
    () => find("#outside").click(),
  ]) {
    assert.equal(isOpen(), false);
    find("#more").click();
    assert.equal(isOpen(), true);
    assert.equal(document.activeElement, find("#sheet input"));
    find("#sheet input").click();
    assert.equal(isOpen(), true);
    close();
  }
  assert.equal(isOpen(), false);
  assert.equal(asked, 3);
});

test("the choice is part of the draft under its own name, and after sending the usual one is back", () => {
  picking([ANNA], [EVERYONE], { name: "observers" });
  const detail = {};
  draft("save", detail);
  assert.deepEqual(detail, { observers: [ANNA] });
  draft("restore", { observers: [SALES] });
  assert.deepEqual(posted(), ["D1"]);
  draft("restore", { audience: [ANNA] });
  assert.deepEqual(posted(), ["D1"]);
  draft("dropped");
  assert.deepEqual(posted(), ["UA"]);
});

test("a draft that was begun in another language says who all are in this one", () => {
  picking([ANNA], [], { own: 'data-everyone="Все сотрудники"' });
  draft("restore", { audience: [EVERYONE, SALES] });
  assert.deepEqual(shown(), ["Все сотрудники", "Sales"]);
});

test("a picker that has left the page listens to its form no more", () => {
  const picker = picking([ANNA]);
  picker.remove();
  draft("restore", { audience: [SALES] });
  assert.deepEqual(picker.chosen, [ANNA]);
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
