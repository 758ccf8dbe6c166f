// What an element that shows what others do has in common with its like.

import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, page, pass, say, settled, told } from "./portal.mjs";

let Live;
let answers = [];

before(async () => {
  clock();
  page();
  ({ Live } = await import("../../box/static/js/live.js"));
  class Shown extends Live {
    isMine({ topic }) {
      return topic === "tried";
    }

    renew() {
      return new Promise((done) => answers.push(done));
    }
  }
  customElements.define("tried-live", Shown);
});

beforeEach(() => {
  clock();
  mock.method(Math, "random", () => 0);
  answers = [];
});

const refreshed = () => [...htmx.triggered];
const card = (inside = "") =>
  page(`<live-card topic="tasks" kind="changed" of="17"><article>${inside}</article></live-card>`);

test("several messages are one question, and what comes while it is asked is asked once more", async () => {
  page("<tried-live></tried-live>");
  for (let one = 0; one < 3; one += 1) told("tried", "changed");
  told("other", "changed");
  await pass(0);
  assert.equal(answers.length, 1);
  told("tried", "changed");
  told("tried", "changed");
  await pass(0);
  assert.equal(answers.length, 1);
  answers[0]();
  await pass(0);
  await pass(0);
  assert.equal(answers.length, 2);
});

test("after a gap it asks, and once it is gone it asks no more", async () => {
  page("<tried-live></tried-live>");
  say("push:reset");
  await pass(0);
  assert.equal(answers.length, 1);
  answers[0]();
  await settled();
  find("tried-live").remove();
  told("tried", "changed");
  await pass(0);
  assert.equal(answers.length, 1);
});

test("what was told while it was on its way is asked for once it is there", async () => {
  const xhr = {};
  told("tried", "changed");
  await pass(1);
  say("htmx:beforeSend", { xhr });
  told("tried", "changed");
  told("tried", "changed");
  say("htmx:beforeSwap", { xhr });
  page("<tried-live></tried-live>");
  await pass(0);
  assert.equal(answers.length, 1);
});

test("a card is fetched anew when somebody else has changed it, and no other", async () => {
  card();
  told("tasks", "changed", { id: 18, by: 3 });
  told("tasks", "changed", { id: 17, by: 7 });
  told("crm", "changed", { id: 17, by: 3 });
  await pass(0);
  assert.deepEqual(refreshed(), []);
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  assert.deepEqual(refreshed(), ["refresh"]);
});

test("what came while one wrote is shown once the field is left, unless what was typed would be lost", async () => {
  card('<input><minutes-text data-saved="saved"><textarea></textarea></minutes-text>');
  find("input").focus();
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  find("input").value = "half a sentence";
  find("input").blur();
  await pass(400);
  assert.deepEqual(refreshed(), []);
  find("input").value = "";
  find("input").focus();
  find("input").blur();
  await pass(399);
  assert.deepEqual(refreshed(), []);
  await pass(1);
  assert.deepEqual(refreshed(), ["refresh"]);
  // Nothing is left to catch up with.
  find("textarea").focus();
  find("textarea").blur();
  await pass(400);
  assert.deepEqual(refreshed(), ["refresh"]);
  // What saves itself holds nothing back.
  find("textarea").value = "kept elsewhere";
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  assert.deepEqual(refreshed(), ["refresh", "refresh"]);
});

test("what one writes in, or has open, stays as it is", async () => {
  card('<details class="drop" open></details>');
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  card("<input>");
  find("input").focus();
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  assert.deepEqual(refreshed(), []);
});

const sends = (from, type) => from.dispatchEvent(new CustomEvent(`htmx:${type}`, { bubbles: true }));

test("what is pressed while the card is fetched anew is not lost to the older answer", async () => {
  card("<form></form>");
  find("article").classList.add("htmx-request");
  sends(find("article"), "beforeRequest");
  assert.deepEqual(refreshed(), []);
  sends(find("form"), "beforeRequest");
  assert.deepEqual(refreshed(), ["htmx:abort"]);
  // What the older answer would have told is asked for once the newer one is there.
  find("article").classList.remove("htmx-request");
  sends(find("form"), "afterRequest");
  await pass(400);
  assert.deepEqual(refreshed(), ["htmx:abort", "refresh"]);
});

/** The answer to what the card has asked for itself: whether it is put in the card's place. */
const isShown = () => {
  const detail = { requestConfig: { elt: find("article") }, shouldSwap: true };
  return say("htmx:beforeSwap", detail, find("article")).detail.shouldSwap;
};

test("what one begins to write while the card is fetched anew is not lost to the answer", async () => {
  card("<input>");
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  find("input").focus();
  find("input").value = "half a sentence";
  assert.equal(isShown(), false);
  sends(find("article"), "afterRequest");
  await pass(400);
  assert.deepEqual(refreshed(), ["refresh"]);
  find("input").value = "";
  find("input").blur();
  await pass(400);
  assert.deepEqual(refreshed(), ["refresh", "refresh"]);
  assert.equal(isShown(), true);
});

test("the answer that comes while something is pressed does not take it away before it is let go", async () => {
  card("<button></button>");
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  say("pointerdown", {}, find("button"));
  assert.equal(isShown(), false);
  sends(find("article"), "afterRequest");
  await pass(400);
  assert.deepEqual(refreshed(), ["refresh"]);
  say("pointerup", {}, find("button"));
  await pass(400);
  assert.deepEqual(refreshed(), ["refresh", "refresh"]);
  assert.equal(isShown(), true);
});

test("the answer to what was pressed is shown whatever else one holds", () => {
  card("<form></form><input>");
  find("input").focus();
  const detail = { requestConfig: { elt: find("form") }, shouldSwap: true };
  assert.equal(say("htmx:beforeSwap", detail, find("article")).detail.shouldSwap, true);
});

test("what is told while something was pressed waits for its answer", async () => {
  card("<form></form>");
  sends(find("form"), "beforeRequest");
  find("form").classList.add("htmx-request");
  told("tasks", "changed", { id: 17, by: 3 });
  await pass(0);
  assert.deepEqual(refreshed(), []);
  find("form").classList.remove("htmx-request");
  sends(find("form"), "afterRequest");
  await pass(400);
  assert.deepEqual(refreshed(), ["refresh"]);
});
