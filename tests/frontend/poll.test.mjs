// The answers of a poll, as one writes them.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

import { clock, find, main, page, press, type } from "./portal.mjs";

const POLL = `<form><poll-answers data-answer="Answer {}" data-most="4"><textarea name="options"></textarea>
  <template><li><input type="text"><button type="button">×</button></li></template></poll-answers></form>`;

before(async () => {
  clock();
  await import("../../box/apps/feed/static/feed/poll.js");
});

beforeEach(() => page(POLL));

const inputs = () => [...main().querySelectorAll("li input")];
const written = () => inputs().map(({ value }) => value);
const sent = () => find("textarea").value;

/** What an earlier page or another browser has left, as drafts put it back. */
function restored(text) {
  find("textarea").value = text;
  find("textarea").dispatchEvent(new Event("restored", { bubbles: true }));
}

test("there are two to begin with, and one more as soon as the last is written into", () => {
  assert.deepEqual(written(), ["", ""]);
  assert.equal(find("textarea").hidden, true);
  type(inputs()[0], "tea");
  assert.equal(inputs().length, 2);
  type(inputs()[1], "coffee");
  assert.deepEqual(written(), ["tea", "coffee", ""]);
  assert.equal(sent(), "tea\ncoffee");
  assert.equal(inputs()[2].getAttribute("aria-label"), "Answer 3");
});

test("there are no more than a poll may have", () => {
  restored("a\nb\nc\nd");
  assert.deepEqual(written(), ["a", "b", "c", "d"]);
});

test("enter goes on to the next answer, and does not send the form", () => {
  type(inputs()[0], "tea");
  const event = press(inputs()[0], "Enter");
  assert.equal(event.defaultPrevented, true);
  assert.equal(document.activeElement, inputs()[1]);
});

test("an answer is taken away by its button, and by deleting in an empty one", () => {
  restored("tea\ncoffee\nmilk");
  const heard = [];
  find("form").addEventListener("input", () => heard.push(sent()));
  inputs()[1].nextElementSibling.click();
  assert.equal(sent(), "tea\nmilk");
  assert.deepEqual(heard, ["tea\nmilk"], "a draft keeps what is left");
  press(inputs()[2], "Backspace");
  assert.deepEqual(written(), ["tea", "milk", ""], "one can still go on");
  assert.equal(document.activeElement, inputs()[1]);
});

test("what is written in lines becomes an answer each", () => {
  const event = new Event("paste", { bubbles: true, cancelable: true });
  event.clipboardData = { getData: () => "tea\r\n\r\n coffee\nmilk\n" };
  inputs()[0].dispatchEvent(event);
  assert.equal(event.defaultPrevented, true);
  assert.equal(sent(), "tea\ncoffee\nmilk");
});

test("a draft comes back, and goes with the post", () => {
  restored("tea\ncoffee");
  assert.deepEqual(written(), ["tea", "coffee", ""]);
  find("textarea").value = "";
  find("form").dispatchEvent(new Event("draft:dropped"));
  assert.deepEqual(written(), ["", ""]);
});
