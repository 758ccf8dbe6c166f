import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { find, page, portal, press, reply, say, settled, told } from "./portal.mjs";

const card = (number, rank, column = "new") => `<article class="board-card" id="card-${number}" tabindex="0"
  aria-label="Deal ${number}" data-card="${number}" data-column="${column}" data-rank="${rank}"></article>`;

const column = (key, cards = "") => `<section class="board-column" data-key="${key}">
  <header class="board-head" id="board-head-${key}"><h2>${key}</h2></header>
  <div data-board-cards>${cards}</div></section>`;

const board = () =>
  page(`<card-board data-src="/crm/deal/board/" data-topic="crm" data-kind="deal" data-lifted="{name} lifted"
    data-moved="{place} of {count}" data-put="{name} put" data-back="{name} back">
    ${column("new", card(1, "a") + card(2, "b"))}${column("won")}
    <dialog data-board-asks></dialog><dialog data-board-places></dialog><p data-board-said></p></card-board>`);

before(async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  board();
  await import("../../box/core/boards/static/boards/board.js");
});
beforeEach(() => board());

const at = (number) => find(`#card-${number}`);
const columnOf = (number) => at(number)?.closest(".board-column").dataset.key;

async function later() {
  await settled();
  mock.timers.tick(5000);
  await settled();
}

/** The portal answers when it is told to. */
function slowly(html) {
  const { promise, resolve } = Promise.withResolvers();
  const asked = portal(() => promise);
  return { asked, answer: () => resolve(reply(html)) };
}

test("what others move arrives in its column's order", async () => {
  portal(() => reply(card(2, "a", "won")));
  told("crm", "deal", { id: 2 });
  await later();
  assert.equal(columnOf(2), "won");
  assert.equal(document.querySelectorAll("[data-card]").length, 2);
});

test("a card that is pressed stays until it is let go", async () => {
  const asked = portal(() => reply(card(1, "c", "won")));
  await later();
  const [sortable] = find("card-board").sortables;
  const pressed = at(1);
  sortable.options.onChoose({ item: pressed });
  told("crm", "deal", { id: 1 });
  await later();
  assert.equal(at(1), pressed);
  assert.equal(asked.length, 0);
  sortable.options.onUnchoose({ item: pressed });
  await later();
  assert.equal(columnOf(1), "won");
  assert.equal(document.querySelectorAll("[data-card]").length, 2);
});

test("a card that one has taken into one's hand meanwhile stays in it, and is asked for once it is put down", async () => {
  const { asked, answer } = slowly(card(1, "c", "won"));
  told("crm", "deal", { id: 1 });
  await later();
  const held = at(1);
  press(held, " ");
  answer();
  await later();
  assert.equal(at(1), held);
  assert.equal(asked.length, 1);
  press(held, "Escape");
  await later();
  assert.equal(asked.length, 2);
  assert.equal(columnOf(1), "won");
});

test("what one may no longer see goes", async () => {
  portal(() => reply(""));
  told("crm", "deal", { id: 1 });
  await later();
  assert.equal(at(1), null);
});

test("what was told is asked for again with the next word where no answer came", async () => {
  portal(() => reply("", 502));
  told("crm", "deal", { id: 2 });
  await later();
  const asked = portal(() => reply(card(1, "a") + card(2, "a", "won")));
  told("crm", "deal", { id: 1 });
  await later();
  assert.deepEqual(
    asked.map(({ url }) => new URL(url).searchParams.get("cards")),
    ["2,1"],
  );
  assert.equal(columnOf(2), "won");
});

test("after a gap it waits for whoever has a card in their hand, or writes one", async () => {
  htmx.asked.length = 0;
  await later();
  const [sortable] = find("card-board").sortables;
  sortable.options.onChoose({ item: at(1) });
  say("push:reset");
  await later();
  assert.equal(htmx.asked.length, 0);
  sortable.options.onUnchoose({ item: at(1) });
  await later();
  assert.equal(htmx.asked.length, 1);
  find(".board-column").insertAdjacentHTML("beforeend", '<form data-board-add><input name="title"></form>');
  find("[name=title]").value = "A new deal";
  say("push:reset");
  await later();
  assert.equal(htmx.asked.length, 1);
  find("[name=title]").value = "";
  find("[name=title]").dispatchEvent(new Event("focusout", { bubbles: true }));
  await later();
  assert.equal(htmx.asked.length, 2);
});

test("after a gap it is asked for anew, but not once another page has come", async () => {
  htmx.asked.length = 0;
  say("push:reset");
  await later();
  assert.equal(htmx.asked.length, 1);
  say("push:reset");
  find("card-board").remove();
  await later();
  assert.equal(htmx.asked.length, 1);
});
