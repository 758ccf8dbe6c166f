import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";

import { clock, find, page, pass, portal, reply, say, settled, toasts } from "./portal.mjs";

const PART = 10;
const LISTED = `<template><li><span data-name></span><progress></progress><span data-size></span><span data-problem></span>
  <button type="button">×</button></li></template><ul></ul><input type="file">`;

/** Parts on their way to the store: each is answered when the test says so. */
const puts = [];
class StoreRequest extends EventTarget {
  upload = new EventTarget();
  open(_verb, link) {
    this.link = link;
  }
  send(part) {
    this.part = part;
    puts.push(this);
  }
  abort() {
    this.isStopped = true;
    this.end("abort");
  }
  getResponseHeader() {
    return this.status === 200 ? `"${this.link}"` : null;
  }
  end(name, status) {
    this.status = status;
    this.dispatchEvent(new Event(name));
    this.dispatchEvent(new Event("loadend"));
  }
  arrive() {
    this.end("load", 200);
  }
}

let asked;
let forms = 0;
const begun = (id, count) =>
  reply({ id, part_count: count, part_size: PART, parts: Array.from({ length: count }, (_, at) => `/s/${id}/${at}`) });

/** The portal's side of uploads: ids in turn, as many parts as the size wants. */
function store(special = () => null) {
  let id = 0;
  asked = portal(special, ({ url, body }) => {
    const given = body && JSON.parse(body);
    if (url.endsWith("/uploads/")) return begun(++id, Math.ceil(given.size / PART));
    const [, which] = url.match(/uploads\/(\d+)\//) ?? [];
    if (url.endsWith("/completion")) return reply({ id: Number(which) + 100 });
    const [, from] = url.match(/parts\/\?from=(\d+)/) ?? [];
    if (from) return reply({ parts: [`/s/${which}/${from - 1}?anew`] });
    return reply({});
  });
}

before(async () => {
  globalThis.XMLHttpRequest = window.XMLHttpRequest = StoreRequest;
  page();
  await import("../../box/static/js/upload.js");
});

beforeEach(() => {
  clock();
  puts.length = 0;
  store();
});

// What is still on its way would keep the next test's files waiting.
afterEach(async () => {
  for (const button of document.querySelectorAll("li button")) button.click();
  await settled();
});

/** A form of its own for each test: what is on its way belongs to the tab, by form. */
function opened(attributes = "", name = `post-${++forms}`) {
  page(
    `<form data-draft="${name}" action="/drive/files/"><input name="folder" value="4"><upload-list data-url="/files/uploads/" data-most="3" ${attributes}>${LISTED}</upload-list></form>`,
  );
  return find("upload-list");
}

const file = (name = "a.txt", size = 25) => new File(["x".repeat(size)], name);
const rows = () => [...document.querySelectorAll("upload-list li")];
const states = () => rows().map((row) => row.dataset.state);
const arriveAll = async () => {
  while (puts.length) {
    puts.shift().arrive();
    await settled();
  }
};

test("a file goes to the store in parts, and its number into the form", async () => {
  opened().add([file()]);
  await settled();
  assert.deepEqual(
    puts.map(({ part }) => part.size),
    [10, 10, 5],
  );
  await arriveAll();
  assert.deepEqual(states(), ["done"]);
  assert.equal(find("upload-list input[name=files]").value, "101");
  assert.deepEqual(JSON.parse(asked.at(-1).body).etags, ['"/s/1/0"', '"/s/1/1"', '"/s/1/2"']);
});

test("the store gets three parts at a time, however many files there are", async () => {
  opened().add([file("a", 30), file("b", 30)]);
  await settled();
  assert.equal(puts.length, 3);
  puts[0].arrive();
  await settled();
  assert.equal(puts.length, 4);
  await arriveAll();
  assert.deepEqual(states(), ["done", "done"]);
});

test("the bar tells how much has gone", async () => {
  opened().add([file("a", 20)]);
  await settled();
  puts[0].upload.dispatchEvent(Object.assign(new Event("progress"), { loaded: 5 }));
  assert.equal(find("progress").value, 0.25);
  assert.match(find("[data-size]").textContent, /^25 %/);
  await arriveAll();
  assert.equal(find("progress").hidden, true);
});

test("a part that failed goes again, over a link that was made anew", async () => {
  opened().add([file("a", 10)]);
  await settled();
  puts.shift().end("error");
  await settled();
  assert.equal(puts.length, 0);
  await pass(750);
  assert.equal(puts[0].link, "/s/1/0?anew");
  await arriveAll();
  assert.deepEqual(states(), ["done"]);
});

test("after six times the file is said to have failed, and its other parts stop", async () => {
  opened().add([file("a", 20)]);
  await settled();
  const [failing, other] = puts.splice(0);
  failing.end("load", 500);
  for (let times = 2; times <= 6; times += 1) {
    assert.deepEqual(states(), ["sending"]);
    await pass(22_500);
    puts.shift().end("load", 500);
    await settled();
  }
  assert.deepEqual(states(), ["failed"]);
  assert.equal(find("[data-problem]").textContent, "It did not work.");
  assert.ok(other.isStopped);
  assert.equal(find("upload-list input[name=files]"), null);
});

test("what the portal refuses it refuses with its own words, and once", async () => {
  store(({ url }) => url.endsWith("/uploads/") && reply({ error: "The disk is full." }, 400));
  opened().add([file()]);
  await settled();
  await pass(60_000);
  assert.equal(find("[data-problem]").textContent, "The disk is full.");
  assert.equal(asked.length, 1);
});

test("a portal that is restarting is asked again", async () => {
  let times = 0;
  store(({ url }) => url.endsWith("/uploads/") && ++times < 3 && reply({}, times === 1 ? 503 : 429));
  opened().add([file("a", 5)]);
  await settled();
  await pass(750);
  await pass(1500);
  await arriveAll();
  assert.deepEqual(states(), ["done"]);
  // The same question: the box begins one upload.
  assert.equal(new Set(asked.slice(0, 3).map(({ body }) => JSON.parse(body).nonce)).size, 1);
});

test("what is taken off the list is called back from the store", async () => {
  opened().add([file()]);
  await settled();
  find("li button").click();
  await settled();
  assert.equal(rows().length, 0);
  assert.ok(asked.some(({ method, url }) => method === "DELETE" && url === "/files/uploads/1/"));
});

test("more files than may be are refused together", () => {
  const list = opened();
  list.add([file("a"), file("b")]);
  list.add([file("c"), file("d")]);
  assert.equal(rows().length, 2);
  assert.deepEqual(toasts(), ["Too many files."]);
  list.add([file("c")]);
  assert.equal(rows().length, 3);
});

test("a form that is sent too early goes when its files are there", async () => {
  opened().add([file("a", 5)]);
  await settled();
  const sent = [];
  const event = say("htmx:confirm", { issueRequest: (skips) => sent.push(skips) }, find("form"));
  assert.ok(event.defaultPrevented);
  assert.ok(find("form").classList.contains("held"));
  await arriveAll();
  assert.deepEqual(sent, [true]);
  assert.ok(!find("form").classList.contains("held"));
});

test("a held form with a file that failed is the person's to decide about", async () => {
  store(({ url }) => url.endsWith("/completion") && reply({ error: "no" }, 400));
  opened().add([file("a", 5)]);
  await settled();
  const sent = [];
  say("htmx:confirm", { issueRequest: () => sent.push(1) }, find("form"));
  await arriveAll();
  assert.deepEqual(states(), ["failed"]);
  assert.deepEqual(sent, []);
});

test("a form whose files are all there is not held", async () => {
  opened().add([file("a", 5)]);
  await settled();
  await arriveAll();
  assert.equal(say("htmx:confirm", {}, find("form")).defaultPrevented, false);
});

test("what has arrived is part of the draft, what is on its way is not", async () => {
  opened().add([file("a", 5), file("b", 5)]);
  await settled();
  puts.shift().arrive();
  await settled();
  const detail = {};
  find("form").dispatchEvent(new CustomEvent("draft:save", { detail }));
  assert.deepEqual(detail.files, [{ id: 101, name: "a", size: 5 }]);
});

test("a draft's files come back once", () => {
  opened();
  for (const _again of [1, 2])
    find("form").dispatchEvent(
      new CustomEvent("draft:restore", { detail: { files: [{ id: 5, name: "a", size: 1 }] } }),
    );
  assert.deepEqual(states(), ["done"]);
  assert.equal(find("input[name=files]").value, "5");
  find("form").dispatchEvent(new CustomEvent("draft:dropped"));
  assert.equal(rows().length, 0);
});

test("what is on its way goes on while one is on another page", async () => {
  opened("", "stays").add([file("a", 5)]);
  await settled();
  page();
  opened("", "stays");
  assert.deepEqual(states(), ["sending"]);
  await arriveAll();
  assert.deepEqual(states(), ["done"]);
});

test("whoever closes the tab meanwhile is asked", async () => {
  const leave = () => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  };
  opened().add([file("a", 5)]);
  await settled();
  assert.equal(leave(), true);
  find("li button").click();
  assert.equal(leave(), false);
});

test("a list that sends sends itself when all are there, and keeps what failed", async () => {
  let completed = 0;
  store(({ url }) => url.endsWith("/completion") && ++completed === 2 && reply({ error: "A virus." }, 400));
  const list = opened("data-sends");
  const sent = [];
  find("form").requestSubmit = () => sent.push([...new FormData(find("form")).getAll("files")]);
  list.add([file("a", 5), file("b", 5)]);
  await settled();
  puts.shift().arrive();
  await settled();
  assert.deepEqual(sent, []);
  await arriveAll();
  assert.deepEqual(sent, [["101"]]);
  say("htmx:afterRequest", { elt: find("form"), successful: true }, find("form"));
  assert.deepEqual(states(), ["failed"]);
});

test("a list that sends does so from another page as well", async () => {
  let posted;
  store(({ url, body }) => {
    if (!url.endsWith("/drive/files/")) return null;
    posted = body;
    return reply({}, 200, { "HX-Trigger": '{"toast": {"value": "Uploaded."}}' });
  });
  opened("data-sends", "elsewhere").add([file("a", 5)]);
  await settled();
  page();
  await arriveAll();
  assert.deepEqual([posted.getAll("files"), posted.get("folder")], [["101"], "4"]);
  assert.deepEqual(toasts(), ["Uploaded."]);
});

test("sizes are said in the reader's units and language", async () => {
  opened();
  const said = (size) => {
    find("form").dispatchEvent(new CustomEvent("draft:dropped"));
    find("form").dispatchEvent(
      new CustomEvent("draft:restore", { detail: { files: [{ id: size, name: "a", size }] } }),
    );
    return find("[data-size]").textContent.replaceAll(/\s/g, " ");
  };
  assert.equal(said(999_949), "999.9 kB");
  assert.equal(said(1_000_000), "1 MB");
  assert.equal(said(1_500_000_000), "1.5 GB");
  document.documentElement.lang = "ru";
  assert.equal(said(1_500_000), "1,5 МБ");
});

test("a picture is seen beside its name, and what only calls itself one is not", async () => {
  const list = opened();
  const drawn = [];
  globalThis.createImageBitmap = async ({ name }) => {
    if (name === "b.png") throw new DOMException("It is none.", "InvalidStateError");
    return { width: 240, height: 160, name };
  };
  HTMLCanvasElement.prototype.getContext = (kind) => ({
    transferFromImageBitmap: ({ name }) => drawn.push(kind, name),
  });
  const [first, second] = ["a.png", "b.png"].map((name) => new File(["x"], name, { type: "image/png" }));
  list.add([first, second, new File(["x"], "c.txt", { type: "text/plain" })]);
  const pictures = () => [...document.querySelectorAll("li canvas")];
  assert.deepEqual(
    pictures().map(({ hidden }) => hidden),
    [true, true],
  );
  const [shown] = pictures();
  await settled();
  assert.deepEqual(pictures(), [shown]);
  assert.deepEqual(drawn, ["bitmaprenderer", "a.png"]);
  assert.deepEqual([shown.hidden, shown.width, shown.height], [false, 240, 160]);
});

test("what is too large to be decoded for a thumbnail has none", () => {
  store(({ url }) => url.endsWith("/uploads/") && begun(1, 1));
  const large = new File(["x"], "a.png", { type: "image/png" });
  Object.defineProperty(large, "size", { value: 20_000_001 });
  opened().add([large]);
  assert.equal(find("li canvas"), null);
});
