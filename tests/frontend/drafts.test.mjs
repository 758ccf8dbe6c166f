import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

import { clock, find, page, pass, portal, reply, say, settled, type } from "./portal.mjs";

const KEY = "draft:7:post";
const URL = "/drafts/post/";
const kept = (key = KEY) => JSON.parse(localStorage.getItem(key));
const form = () => find("form");
const field = () => find("textarea");
const draft = (text, more = {}) => ({ fields: { text }, detail: {}, at: Date.now(), base: 0, isSent: false, ...more });

let asked;

before(async () => {
  clock();
  localStorage.setItem("draft:7:old", JSON.stringify(draft("a", { at: Date.now() - 31 * 24 * 3600_000 })));
  localStorage.setItem("draft:7:recent", JSON.stringify(draft("a", { at: Date.now() - 29 * 24 * 3600_000 })));
  localStorage.setItem("theme", "dark");
  page();
  await import("../../box/static/js/drafts.js");
});

beforeEach(() => {
  clock();
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft:7:post")) localStorage.removeItem(key);
  asked = portal();
});

async function opened({ attributes = "", text = "" } = {}) {
  page(
    `<form data-draft="post" ${attributes}><textarea name="text">${text}</textarea><input type="text" name="title"></form>`,
  );
  say("htmx:load", {}, document.body);
  await settled();
}

test("drafts of more than a month are gone when the browser comes back, and nothing else", () => {
  assert.equal(kept("draft:7:old"), null);
  assert.equal(kept("draft:7:recent").fields.text, "a");
  assert.equal(localStorage.getItem("theme"), "dark");
});

test("what is half written is there again on the next page", async () => {
  await opened();
  type(field(), "Dear all");
  await opened();
  assert.equal(field().value, "Dear all");
});

test("a draft is its writer's: another person at this browser sees none", async () => {
  await opened();
  type(field(), "Dear all");
  page('<form data-draft="post"><textarea name="text"></textarea></form>', { user: "8" });
  say("htmx:load", {}, document.body);
  await settled();
  assert.equal(field().value, "");
});

test("what the server put back after a refusal is newer than what was kept", async () => {
  localStorage.setItem(KEY, JSON.stringify(draft("old")));
  await opened({ text: "refused" });
  assert.equal(field().value, "refused");
});

test("a form that is being built keeps nothing before it has got back what was kept", async () => {
  localStorage.setItem(KEY, JSON.stringify(draft("kept")));
  page('<form data-draft="post"><textarea name="text"></textarea></form>');
  type(field(), "");
  assert.equal(kept().fields.text, "kept");
});

test("what was emptied is kept no longer, but a file alone is worth keeping", async () => {
  await opened();
  type(field(), "a");
  type(field(), "  ");
  assert.equal(kept(), null);
  form().addEventListener("draft:save", ({ detail }) => (detail.files = [{ id: 3 }]));
  type(field(), "");
  assert.deepEqual(kept().detail.files, [{ id: 3 }]);
});

test("parts that are more than a field take their share back", async () => {
  localStorage.setItem(KEY, JSON.stringify(draft("kept", { detail: { audience: ["D1"] } })));
  page('<form data-draft="post"><textarea name="text"></textarea></form>');
  let share;
  form().addEventListener("draft:restore", ({ detail }) => (share = detail.audience));
  say("htmx:load", {}, document.body);
  await settled();
  assert.deepEqual(share, ["D1"]);
});

test("what was accepted is forgotten, what was refused is kept", async () => {
  await opened();
  type(field(), "Dear all");
  const detail = { requestConfig: { elt: form(), verb: "post" }, successful: false };
  say("htmx:afterRequest", detail);
  assert.equal(kept().fields.text, "Dear all");
  say("htmx:afterRequest", { ...detail, successful: true });
  assert.equal(kept(), null);
  assert.equal(field().value, "");
});

test("what a form only looks up is no sending", async () => {
  await opened();
  type(field(), "Dear all");
  say("htmx:afterRequest", { requestConfig: { elt: form(), verb: "get" }, successful: true });
  assert.equal(field().value, "Dear all");
});

// On the box

const server = (draftOfBox) => {
  const sent = [];
  asked = portal(({ method, body }) => {
    if (method === "POST") {
      sent.push(JSON.parse(body));
      return draftOfBox.conflict ? reply(draftOfBox.conflict, 409) : reply({ version: 5 });
    }
    return method === "DELETE" ? reply({}) : reply(draftOfBox);
  });
  return sent;
};
const ON_THE_BOX = { attributes: `data-draft-url="${URL}"` };
const methods = () => asked.map(({ method }) => method);

test("the box gets a draft when one pauses, not with every letter", async () => {
  const sent = server({ version: 0 });
  await opened(ON_THE_BOX);
  type(field(), "Dear");
  await pass(1000);
  type(field(), "Dear all");
  await pass(1000);
  assert.equal(sent.length, 0);
  await pass(600);
  assert.deepEqual(
    sent.map(({ content }) => content.fields.text),
    ["Dear all"],
  );
  assert.equal(kept().base, 5);
  assert.equal(kept().isSent, true);
});

test("what was written while the draft was on its way is sent after it", async () => {
  await opened(ON_THE_BOX);
  let answer;
  portal(({ method }) => method === "POST" && new Promise((done) => (answer = () => done(reply({ version: 5 })))));
  type(field(), "Dear");
  await pass(1500);
  await pass(1);
  type(field(), "Dear all");
  answer();
  await settled();
  assert.equal(kept().isSent, false);
  assert.equal(kept().base, 5);
});

test("a draft of another browser is taken where nothing was written here", async () => {
  server({ version: 4, browser: "other", content: { fields: { text: "theirs" }, detail: {} }, saved: "10:00" });
  await opened(ON_THE_BOX);
  assert.equal(field().value, "theirs");
  assert.equal(kept().base, 4);
});

test("where both have gone on, the person is asked, and neither is lost", async () => {
  server({ version: 4, browser: "other", content: { fields: { text: "theirs" }, detail: {} }, saved: "10:00" });
  localStorage.setItem(KEY, JSON.stringify(draft("mine", { base: 3 })));
  await opened(ON_THE_BOX);
  assert.equal(field().value, "mine");
  assert.equal(find(".draft-choice p").textContent, "A newer draft of 10:00");
  find(".draft-choice button").click();
  assert.equal(field().value, "theirs");
  assert.equal(find(".draft-choice"), null);
});

test("who keeps their own says so to the box, on top of the other", async () => {
  const sent = server({ version: 4, browser: "other", content: { fields: { text: "theirs" }, detail: {} }, saved: "" });
  localStorage.setItem(KEY, JSON.stringify(draft("mine", { base: 3 })));
  await opened(ON_THE_BOX);
  document.querySelectorAll(".draft-choice button")[1].click();
  await settled();
  assert.deepEqual(
    sent.map(({ base, content }) => [base, content.fields.text]),
    [[4, "mine"]],
  );
});

test("while the person is asked nothing is sent", async () => {
  const sent = server({ version: 4, browser: "other", content: { fields: { text: "theirs" }, detail: {} }, saved: "" });
  localStorage.setItem(KEY, JSON.stringify(draft("mine", { base: 3 })));
  await opened(ON_THE_BOX);
  type(field(), "mine too");
  await pass(5000);
  assert.equal(sent.length, 0);
});

test("what the same browser sent last needs no question", async () => {
  localStorage.setItem("draft-browser", "this");
  server({ version: 4, browser: "this", content: { fields: { text: "before" }, detail: {} }, saved: "" });
  localStorage.setItem(KEY, JSON.stringify(draft("mine", { base: 3 })));
  await opened(ON_THE_BOX);
  assert.equal(find(".draft-choice"), null);
  assert.equal(field().value, "mine");
  assert.equal(kept().base, 4);
});

test("what another browser has sent off is gone here as well", async () => {
  server({ version: 0 });
  localStorage.setItem(KEY, JSON.stringify(draft("mine", { base: 3, isSent: true })));
  await opened(ON_THE_BOX);
  assert.equal(field().value, "");
  assert.equal(kept(), null);
});

test("what never got to the box goes there", async () => {
  const sent = server({ version: 0 });
  localStorage.setItem(KEY, JSON.stringify(draft("mine")));
  await opened(ON_THE_BOX);
  await pass(1500);
  assert.deepEqual(
    sent.map(({ content }) => content.fields.text),
    ["mine"],
  );
});

test("a refused draft asks; the answer of the box is not thrown away", async () => {
  const conflict = { version: 9, content: { fields: { text: "theirs" }, detail: {} }, saved: "9:59" };
  server({ version: 0, conflict });
  await opened(ON_THE_BOX);
  type(field(), "mine");
  await pass(1500);
  assert.match(find(".draft-choice p").textContent, /9:59/);
});

test("a draft waits while its form is being sent", async () => {
  const sent = server({ version: 0 });
  await opened(ON_THE_BOX);
  type(field(), "mine");
  const detail = { requestConfig: { elt: form(), verb: "post" } };
  say("htmx:beforeRequest", detail);
  await pass(1500);
  assert.equal(sent.length, 0);
  say("htmx:afterRequest", { ...detail, successful: true });
  await pass(5000);
  assert.equal(sent.length, 0);
  // The box forgets it with the sending.
  assert.ok(!methods().includes("DELETE"));
});

test("what one empties the box forgets too", async () => {
  server({ version: 0 });
  await opened(ON_THE_BOX);
  type(field(), "mine");
  type(field(), "");
  await settled();
  assert.ok(methods().includes("DELETE"));
});

test("a storage that is full or forbidden costs the copy, not the text", async () => {
  await opened();
  const { setItem } = Storage.prototype;
  Storage.prototype.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  try {
    assert.doesNotThrow(() => type(field(), "mine"));
  } finally {
    Storage.prototype.setItem = setItem;
  }
  assert.equal(field().value, "mine");
});
