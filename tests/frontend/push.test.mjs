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
  locks[0][1]();
  assert.deepEqual(
    streams.map(({ address }) => address),
    ["/push/stream"],
  );
});

test("a page that listens late asks once for what it has not heard", () => {
  mock.method(performance, "now", () => 100_000);
  stream().tell("hello", { listeners: 1 });
  stream().tell("hello", { listeners: 1 });
  assert.deepEqual(
    heard.map(([name]) => name),
    ["reset", "hello", "hello"],
  );
});

test("one that listens at once has missed nothing", () => {
  delete document.body.dataset.listening;
  mock.method(performance, "now", () => 1000);
  stream().tell("hello", { listeners: 1 });
  assert.deepEqual(
    heard.map(([name]) => name),
    ["hello"],
  );
});

test("what is told is there for who comes later, by kind", () => {
  stream().tell("message", { topic: "feed", kind: "post", payload: { id: 5 } }, "11");
  assert.deepEqual(push.newest("feed", "post"), { id: 5 });
  assert.equal(push.newest("feed", "poll"), undefined);
  assert.deepEqual(heard, [["message", { topic: "feed", kind: "post", payload: { id: 5 } }]]);
});

test("the other tabs are told", async () => {
  const told = new Promise((done) => {
    others.addEventListener("message", ({ data }) => data.name === "reset" && done(data));
  });
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
