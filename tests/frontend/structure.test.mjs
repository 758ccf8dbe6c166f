import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, page, pass, portal, press, reply, say, settled, told, type } from "./portal.mjs";

before(async () => {
  clock();
  page();
  await import("../../box/core/structure/static/structure/structure.js");
});

beforeEach(() => {
  clock();
  mock.method(Math, "random", () => 0);
  localStorage.clear();
  portal(() => reply({}));
});

const row = (id, name, inner = "") =>
  `<li data-department="${id}" data-name="${name}"><details class="fold"><summary></summary><ul>${inner}</ul></details></li>`;
const opened = () =>
  page(`<org-structure data-chart="/chart/" data-people="/people/0/" data-place="/place/0/?under=">
    <input data-search><output data-found></output><button data-show="list"></button><button data-show="chart"></button>
    <div class="news"><template><button data-renew>New</button></template></div>
    <div data-only="list"><div id="tree" data-mark="m1"><ul class="branches">${row(1, "Company", row(2, "Sales", row(3, "Sales North")))}</ul></div></div>
    <div data-only="chart" hidden><div class="canvas"></div></div><aside hidden></aside></org-structure>
    <div id="structure-texts" data-found="found:" data-none="nothing"></div>`);
const found = () => find("[data-found]").textContent;
const isOpen = (id) => find(`[data-department="${id}"] > .fold`).open;

test("on a phone it is a list, and the choice is remembered", () => {
  opened();
  assert.equal(find("[data-show=list]").getAttribute("aria-pressed"), "true");
  assert.equal(find("[data-only=chart]").hidden, true);
  find("[data-show=list]").click();
  assert.equal(localStorage.getItem("structure-view"), "list");
});

test("what is searched for is found by any part, unfolded, and counted", () => {
  opened();
  type(find("[data-search]"), " NORTH ");
  assert.equal(found(), "found: 1");
  assert.deepEqual([isOpen(1), isOpen(2), isOpen(3)], [true, true, false]);
  type(find("[data-search]"), "zzz");
  assert.equal(found(), "nothing");
  type(find("[data-search]"), "");
  assert.equal(found(), "");
});

test("Enter goes to the next of what was found, and round", () => {
  opened();
  const seen = [];
  mock.method(Element.prototype, "scrollIntoView", function () {
    seen.push(this.dataset.department);
  });
  type(find("[data-search]"), "sales");
  for (const _press of [1, 2]) press(find("[data-search]"), "Enter");
  assert.deepEqual(seen, ["2", "3", "2"]);
});

test("what others change is looked for once, and waits behind a chip", async () => {
  opened();
  const asked = portal(() => reply({}));
  told("org", "structure", { by: 3 });
  told("org", "structure", { by: 3 });
  await pass(0);
  assert.deepEqual(
    asked.map(({ url }) => url),
    ["/chart/?shown=m1"],
  );
  assert.ok(find(".news button"));
  find(".news button").click();
  assert.deepEqual(htmx.triggered, ["structure-changed"]);
});

test("one's own change is no news, nor is one that changed nothing that is shown", async () => {
  opened();
  told("org", "structure", { by: 7 });
  await pass(0);
  portal(() => reply({}, 204));
  told("org", "structure", { by: 3 });
  await pass(0);
  assert.equal(find(".news button"), null);
});

test("what was unfolded stays so when the list comes anew", async () => {
  opened();
  find('[data-department="2"] > .fold').dataset.keepOpen = "d2";
  find('[data-department="2"] > .fold').open = true;
  const tree = find("#tree");
  say("htmx:beforeSwap", { target: tree });
  tree.innerHTML = `<ul class="branches">${row(2, "Sales").replace('class="fold"', 'class="fold" data-keep-open="d2"')}${row(4, "New").replace('class="fold"', 'class="fold" data-keep-open="d4"')}</ul>`;
  say("htmx:afterSwap", { target: tree });
  assert.deepEqual([isOpen(2), isOpen(4)], [true, false]);
  say("htmx:afterSettle", { target: tree });
  await settled();
});
