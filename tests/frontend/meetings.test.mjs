// Minutes that several people write at once.

import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, page, pass, portal, reply, told, type } from "./portal.mjs";

before(async () => {
  clock();
  page();
  await import("../../box/apps/calendar/static/calendar/meetings.js");
});

beforeEach(() => {
  clock();
  mock.method(Math, "random", () => 0);
});

const minutes = (text = "") =>
  page(
    `<minutes-text data-topic="5" data-src="/minutes/" data-saved="saved" data-failed="failed"><textarea>${text}</textarea><span role="status"></span></minutes-text>`,
  );
const field = () => find("textarea");
const sent = ({ body }) => Object.fromEntries(new URLSearchParams(body));
const text = (said) => ({ ...reply(said), text: async () => said });

test("what is typed is sent with what it began with, and others' words come with the answer", async () => {
  const asked = portal(() => text("Theirs\nMine"));
  minutes("Old");
  type(field(), "Mine");
  await pass(800);
  assert.deepEqual(asked.map(sent), [{ text: "Mine", base: "Old" }]);
  assert.equal(field().value, "Theirs\nMine");
  assert.equal(find("[role=status]").textContent, "saved");
});

test("what is typed while it is sent stays, and begins with what was sent", async () => {
  let answer;
  const asked = portal(() => new Promise((done) => (answer = done)));
  minutes();
  type(field(), "One");
  await pass(800);
  type(field(), "One two");
  answer(text("Theirs\nOne"));
  await pass(0);
  assert.equal(field().value, "One two");
  await pass(800);
  assert.deepEqual(sent(asked[1]), { text: "One two", base: "One" });
});

test("what somebody else has written is fetched, of this topic alone", async () => {
  minutes();
  const asked = portal(() => text("Theirs"));
  told("calendar", "topic", { id: 6, by: 3 });
  told("calendar", "topic", { id: 5, by: 7 });
  await pass(0);
  assert.equal(asked.length, 0);
  told("calendar", "topic", { id: 5, by: 3 });
  await pass(0);
  assert.equal(field().value, "Theirs");
});

test("without an answer it says so and tries again", async () => {
  let isDown = true;
  const asked = portal(() => (isDown ? reply("", 502) : text("Mine")));
  minutes();
  type(field(), "Mine");
  await pass(800);
  assert.equal(find("[role=status]").textContent, "failed");
  isDown = false;
  await pass(5000);
  assert.equal(asked.length, 2);
  assert.equal(find("[role=status]").textContent, "saved");
});

test("whoever leaves while they type loses nothing", async () => {
  const asked = portal(() => text(""));
  minutes();
  type(field(), "Mine");
  find("minutes-text").remove();
  await pass(0);
  assert.deepEqual(asked.map(sent), [{ text: "Mine", base: "" }]);
});

test("what was typed until the page around it came anew is there once it is sent", async () => {
  const saved = [];
  portal(({ body }) => {
    const { text: typed, base } = sent({ body });
    if (typed !== base) saved.push(typed);
    return text(saved.at(-1) ?? "");
  });
  minutes();
  type(field(), "Mine");
  const shown = find("minutes-text");
  const anew = document.importNode(shown, true);
  anew.querySelector("textarea").value = "";
  shown.replaceWith(anew);
  await pass(0);
  assert.deepEqual(saved, ["Mine"]);
  assert.equal(field().value, "Mine");
});
