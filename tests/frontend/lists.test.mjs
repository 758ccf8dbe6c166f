import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

import { find, page } from "./portal.mjs";

const FORMS = { one: "{} chosen", other: "{} are chosen" };
const NUMBERS = [1, 2, 3, 4];

const row = (number) => `<tr data-row="${number}">
  <td><input type="checkbox" name="row" value="${number}"></td><th><a href="#opened-${number}">Row ${number}</a></th></tr>`;

const list = ({ more = "" } = {}) =>
  page(`
    <input type="search" data-search>
    <section id="list">
      <table><thead><tr><th><input type="checkbox" data-list-all></th></tr></thead>
      <tbody>${NUMBERS.map(row).join("")}${more}</tbody></table>
      <form><span data-list-count='${JSON.stringify(FORMS)}'></span>
      <label data-list-match hidden><input type="checkbox" name="all" value="1"></label></form>
    </section>
    <dialog id="list-keys"></dialog>
    <div data-list-pick><input type="search"><div data-list-found>
      <label><input type="checkbox" name="head" value="U7">Anna</label></div></div>
    <ul><li id="first">A<button data-list-up></button></li><li id="second">B<button data-list-up></button></li></ul>`);

before(async () => {
  list();
  await import("../../box/core/lists/static/lists/lists.js");
});
beforeEach(() => list());

const press = (key, target = document.activeElement ?? document.body) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  target.dispatchEvent(event);
  return event;
};
const at = () => document.activeElement?.dataset?.row;
const boxes = () => [...document.querySelectorAll("input[name=row]")];
const chosen = () =>
  boxes()
    .filter(({ checked }) => checked)
    .map(({ value }) => Number(value));
const click = (number, shiftKey = false) =>
  boxes()[number - 1].dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey }));
const said = () => find("[data-list-count]").textContent;

test("j and k walk the rows and stop at their ends", () => {
  press("j");
  assert.equal(at(), "1");
  press("j");
  press("j");
  assert.equal(at(), "3");
  press("k");
  assert.equal(at(), "2");
  for (const _ of NUMBERS) press("k");
  assert.equal(at(), "1");
  for (const _ of [...NUMBERS, 5]) press("ArrowDown");
  assert.equal(at(), "4");
});

test("arrows scroll the page while no row is at hand, and what is typed is typed", () => {
  assert.equal(press("ArrowDown", document.body).defaultPrevented, false);
  const search = find("[data-search]");
  search.focus();
  assert.equal(press("j", search).defaultPrevented, false);
  assert.equal(document.activeElement, search);
});

test("x selects the row, with Shift all between", () => {
  press("j");
  press("x");
  assert.deepEqual([chosen(), said()], [[1], "1 chosen"]);
  press("j");
  press("j");
  press("X");
  assert.deepEqual([chosen(), said()], [[1, 2, 3], "3 are chosen"]);
  press("x");
  assert.deepEqual(chosen(), [1, 2]);
});

test("a press with Shift does to all between what it does to the last, either way", () => {
  click(4);
  click(2, true);
  assert.deepEqual(chosen(), [2, 3, 4]);
  click(4, true);
  assert.deepEqual(chosen(), []);
  assert.equal(said(), "");
});

test("the head's box is for all that are shown, and says when it is some of them", () => {
  const head = find("[data-list-all]");
  head.checked = true;
  head.dispatchEvent(new Event("change", { bubbles: true }));
  assert.deepEqual(chosen(), NUMBERS);
  click(2);
  assert.deepEqual([head.checked, head.indeterminate], [false, true]);
});

test("all that match are offered when all that are shown are chosen and there are more", () => {
  const all = () => {
    find("[data-list-all]").checked = true;
    find("[data-list-all]").dispatchEvent(new Event("change", { bubbles: true }));
  };
  all();
  assert.equal(find("[data-list-match]").hidden, true);
  list({ more: '<tr class="list-more"></tr>' });
  all();
  assert.equal(find("[data-list-match]").hidden, false);
  find("[name=all]").checked = true;
  click(1);
  assert.deepEqual([find("[data-list-match]").hidden, find("[name=all]").checked], [true, false]);
});

test("Enter opens the row", () => {
  let opened = "";
  document.addEventListener("click", ({ target }) => (opened = target.getAttribute?.("href")), { once: true });
  press("j");
  press("j");
  press("Enter");
  assert.equal(opened, "#opened-2");
});

test("the question mark shows the keys", () => {
  let shown = 0;
  find("#list-keys").showModal = () => (shown += 1);
  press("?", document.body);
  assert.equal(shown, 1);
});

test("what was found and chosen stays when one looks for another, once", () => {
  const choose = () => {
    const box = find("[data-list-found] input");
    box.checked = true;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  };
  choose();
  find("[data-list-found]").innerHTML = '<label><input type="checkbox" name="head" value="U7">Anna</label>';
  choose();
  assert.equal(document.querySelectorAll("[data-list-pick] input[name=head]").length, 1);
  assert.equal(find("[data-list-pick] > label input").checked, true);
});

test("a column goes up by a press", () => {
  find("#second button").click();
  assert.equal(find("ul").firstElementChild.id, "second");
  find("#second button").click();
  assert.equal(find("ul").firstElementChild.id, "second");
});

test("a group that goes on with the next page has its heading once", () => {
  const headings = () => [...document.querySelectorAll(".list-part")].map(({ textContent }) => textContent);
  const comes = (text) => {
    const elt = Object.assign(document.createElement("tr"), { className: "list-part", textContent: text });
    find("tbody").append(elt, document.createElement("tr"));
    elt.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt } }));
  };
  comes("Anna");
  comes("Anna");
  comes("Boris");
  comes("Anna");
  assert.deepEqual(headings(), ["Anna", "Boris", "Anna"]);
});
