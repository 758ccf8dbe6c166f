import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, leaving, page, pass, portal, reply, say, settled } from "./portal.mjs";

/** The push service's end of the stream: what it says, and that it goes away. */
const streams = [];
class Stream extends EventTarget {
  static CLOSED = 2;
  readyState = 1;
  constructor(address) {
    super();
    this.address = address;
    streams.push(this);
  }
  close() {
    this.readyState = Stream.CLOSED;
  }
  tell(name, data = {}, id = "") {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId: id }));
  }
  break(readyState = Stream.CLOSED) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
}

/** Stands for the browser's locks: the tab that asked first holds it. */
const locks = [];
const others = new BroadcastChannel("korobka-push");
others.unref();
let heard;
let push;

before(async () => {
  globalThis.EventSource = window.EventSource = Stream;
  Object.defineProperty(navigator, "locks", { value: { request: (name, hold) => locks.push([name, hold]) } });
  clock();
  page();
  push = await import("../../box/static/js/push.js");
  for (const name of ["message", "reset", "hello"]) {
    document.addEventListener(`push:${name}`, ({ detail }) => heard.push([name, detail]));
  }
  document.body.dataset.push = "/push/stream";
  push.listen();
});

beforeEach(() => {
  clock();
  heard = [];
  mock.method(Math, "random", () => 0.5);
  portal();
});

const stream = () => streams.at(-1);

test("one tab of the browser listens, with the lock; the others wait for it", () => {
  assert.equal(streams.length, 0);
  assert.deepEqual(
    locks.map(([name]) => name),
    ["korobka-push"],
  );
  mock.method(performance, "now", () => 2100);
  locks[0][1]();
  // A page hears what was told since it was asked for, and some seconds before.
  assert.deepEqual(
    streams.map(({ address }) => address),
    ["/push/stream?last=8"],
  );
});

test("a stream that breaks before anything came begins anew with all that was missed since", async () => {
  mock.method(performance, "now", () => 6000);
  stream().break(0);
  assert.equal(stream().readyState, Stream.CLOSED);
  await pass(3000);
  assert.equal(stream().address, "/push/stream?last=11");
  stream().tell("hello", { listeners: 1 });
});

test("what comes into the page hears what was told since it was asked for", async () => {
  const [post, poll] = ["post", "poll"].map((kind) => ({ topic: "feed", kind, payload: { id: 5 } }));
  const xhr = {};
  stream().tell("message", post, "10");
  await pass(1);
  say("htmx:beforeSend", { xhr });
  stream().tell("message", poll, "11");
  assert.deepEqual(heard, [
    ["message", post],
    ["message", poll],
  ]);
  assert.deepEqual(push.missed(), []);
  say("htmx:beforeSwap", { xhr });
  assert.deepEqual(push.missed(), [poll]);
  // It is there, and hears by itself.
  await settled();
  assert.deepEqual(push.missed(), []);
});

const answered = () =>
  new Promise((done) => others.addEventListener("message", ({ data }) => data.name === "reset" && done(data)));

test("a tab that came while something was told is told to ask, and hears no other tab's answer", async () => {
  const answer = answered();
  stream().tell("message", { topic: "feed", kind: "post", payload: {} }, "11");
  heard = [];
  others.postMessage({ joined: "later", since: Date.now() + 1 });
  others.postMessage({ joined: "theirs", since: Date.now() - 1000 });
  assert.deepEqual(await answer, { name: "reset", data: {}, to: "theirs" });
  others.postMessage({ name: "reset", data: {}, to: "theirs" });
  others.postMessage({ name: "reset", data: {} });
  while (!heard.length) await new Promise((done) => setImmediate(done));
  assert.equal(heard.length, 1);
});

test("the other tabs are told", async () => {
  const told = answered();
  stream().tell("reset", {}, "12");
  assert.deepEqual(await told, { name: "reset", id: "12", data: {} });
});

test("a stream that the browser mends itself is left alone", async () => {
  const before = streams.length;
  stream().break(0);
  await pass(100_000);
  assert.equal(streams.length, before);
});

test("a stream that broke goes on where it stopped, after a wait that grows to a minute", async () => {
  const waits = [3, 6, 12, 24, 48, 60, 60];
  for (const seconds of waits) {
    const before = streams.length;
    stream().break();
    await pass(seconds * 1000 - 1);
    assert.equal(streams.length, before, `not before ${seconds} s`);
    await pass(1);
    assert.equal(streams.length, before + 1, `after ${seconds} s`);
    assert.equal(stream().address, "/push/stream?after=12");
  }
  stream().tell("hello", { listeners: 1 });
  const before = streams.length;
  stream().break();
  await pass(3000);
  assert.equal(streams.length, before + 1);
});

test("whose session is over goes to the door, and comes back here", async () => {
  const places = leaving();
  portal(() => reply({}, 401));
  stream().break();
  await settled();
  assert.deepEqual(places, [`/sign-in/?next=${encodeURIComponent("/feed/")}`]);
  portal();
});

test("who was signed out comes to the form, and is not led back in by the computer's ticket", () => {
  const places = leaving();
  stream().tell("message", { topic: "session", kind: "signed-out" });
  assert.deepEqual(places, [`/sign-in/?form=1&next=${encodeURIComponent("/feed/")}`]);
});

test("a page that signs out waits for its answer, also where it hears of it first", () => {
  const places = leaving();
  document.body.insertAdjacentHTML("beforeend", "<form data-signs-out></form><form></form>");
  const [leaves, other] = document.querySelectorAll("form");
  leaves.dispatchEvent(new Event("submit", { bubbles: true }));
  other.dispatchEvent(new Event("submit", { bubbles: true }));
  stream().tell("message", { topic: "session", kind: "signed-out" });
  assert.deepEqual(places, []);
  // The browser shows the page again.
  window.dispatchEvent(new Event("pageshow"));
  stream().tell("message", { topic: "session", kind: "signed-out" });
  assert.equal(places.length, 1);
});

test("the more listen, the longer each waits for its turn", async () => {
  stream().tell("hello", { listeners: 2001 });
  assert.equal(document.body.dataset.listening, "");
  let has = false;
  push.turn().then(() => (has = true));
  await pass(4999);
  assert.equal(has, false);
  await pass(1);
  assert.equal(has, true);
});

test("a tab that nobody sees waits until it is seen", async () => {
  stream().tell("hello", { listeners: 1 });
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  let has = false;
  push.turn().then(() => (has = true));
  await pass(60_000);
  assert.equal(has, false);
  delete document.hidden;
  say("visibilitychange");
  await settled();
  assert.equal(has, true);
});
