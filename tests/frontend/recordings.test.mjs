// A call's recording on a client's card: a wave, a speed, and news of the card that do not take it away.

import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, page, pass, say, told } from "./portal.mjs";

before(async () => {
  clock();
  page();
  await import("../../box/apps/calls/static/calls/calls.js");
  await import("../../box/apps/crm/static/crm/crm.js");
});

beforeEach(() => {
  clock();
  mock.method(Math, "random", () => 0);
  // No layout, so no pixels: what is drawn is seen in tests/e2e.
  page(
    `<crm-record data-id="5" data-src="/crm/contact/5/"><section id="crm-steps"></section>
    <section id="crm-timeline"><call-recording data-bars="0 50 100" data-seconds="75" data-speed="Speed"
    data-mark="Note" data-notes="notes"><audio src="/calls/1/recordings/2/"></audio><ol><li><button type="button"
    data-at="65">1:05</button> the price</li></ol></call-recording></section></crm-record>
    <textarea id="notes">They want oak.
</textarea>`,
  );
});

const happens = (name) => find("audio").dispatchEvent(new Event(name));

async function renewed() {
  htmx.asked.length = 0;
  told("crm", "record", { id: 5, by: 3 });
  await pass(5000);
  return htmx.asked.flatMap(({ url }) => new URL(url, location.href).searchParams.get("part").split(","));
}

test("it says how long it is, and plays as fast as one chooses", () => {
  assert.equal(find("call-recording output").textContent, "0:00 / 1:15");
  const speed = find("call-recording select");
  assert.equal(speed.ariaLabel, "Speed");
  speed.value = "2";
  speed.dispatchEvent(new Event("change"));
  assert.equal(find("audio").playbackRate, 2);
});

test("a moment that was pointed out is played, and one that is heard begins a line of the notes", () => {
  const audio = find("audio");
  const played = mock.method(audio, "play", () => {});
  Object.defineProperty(audio, "readyState", { value: 4 });
  find("[data-at]").click();
  assert.equal(audio.currentTime, 65);
  assert.equal(played.mock.callCount(), 1);
  [...document.querySelectorAll("call-recording button")].find(({ textContent }) => textContent === "Note").click();
  assert.equal(find("#notes").value, "They want oak.\n1:05 ");
});

test("what is taken in hand while news are on their way is not taken away by them", async () => {
  const steps = find("#crm-steps");
  steps.innerHTML = '<form><input name="subject"></form>';
  assert.ok((await renewed()).includes("steps"));
  const detail = {
    requestConfig: { headers: { "X-Renews": "true" } },
    serverResponse: '<section id="crm-steps"></section><section id="crm-timeline">new</section>',
  };
  const arrives = () => find("crm-record").dispatchEvent(new CustomEvent("htmx:beforeSwap", { detail }));
  find("[name=subject]").value = "Send the drawing";
  arrives();
  assert.equal(detail.serverResponse, '<section id="crm-timeline">new</section>');
  // The answer to what one has sent brings everything.
  const own = { requestConfig: { headers: {} }, serverResponse: '<section id="crm-steps"></section>' };
  find("crm-record").dispatchEvent(new CustomEvent("htmx:beforeSwap", { detail: own }));
  assert.equal(own.serverResponse, '<section id="crm-steps"></section>');
  assert.ok(!(await renewed()).includes("steps"));
});

test("what one has just pressed keeps its place until it is answered", async () => {
  const steps = find("#crm-steps");
  steps.innerHTML = '<a href="#" class="htmx-request">Change</a>';
  const detail = {
    requestConfig: { headers: { "X-Renews": "true" } },
    serverResponse: '<section id="crm-steps"></section><section id="crm-timeline">new</section>',
  };
  find("crm-record").dispatchEvent(new CustomEvent("htmx:beforeSwap", { detail }));
  assert.equal(detail.serverResponse, '<section id="crm-timeline">new</section>');
  assert.ok(!(await renewed()).includes("steps"));
  find("#crm-steps a").classList.remove("htmx-request");
  assert.ok((await renewed()).includes("steps"));
});

test("while it is heard the time line stays, and the rest is renewed", async () => {
  assert.ok((await renewed()).includes("timeline"));
  happens("play");
  const parts = await renewed();
  assert.ok(parts.includes("steps"));
  assert.ok(!parts.includes("timeline"));
  happens("ended");
  assert.ok((await renewed()).includes("timeline"));
});

const asked = () => htmx.asked.map(({ url }) => new URL(url, location.href).searchParams.get("part").split(","));

test("what came while one wrote is shown once that is given up", async () => {
  find("#crm-steps").innerHTML = '<details open><summary></summary><form><input name="subject"></form></details>';
  assert.ok(!(await renewed()).includes("steps"));
  await pass(5000);
  assert.equal(asked().length, 1);
  find("#crm-steps details").open = false;
  find("#crm-steps details").dispatchEvent(new Event("toggle"));
  await pass(400);
  assert.equal(asked().length, 2);
  assert.ok(asked()[1].includes("steps"));
  // Nothing is left to make up for.
  find("#crm-steps details").dispatchEvent(new Event("toggle"));
  await pass(400);
  assert.equal(asked().length, 2);
});

test("news that arrive while one presses something take nothing away, and are shown once it is let go", async () => {
  find("#crm-steps").innerHTML = '<a href="#">Change</a>';
  await renewed();
  const detail = {
    requestConfig: { headers: { "X-Renews": "true" } },
    serverResponse: '<section id="crm-steps"></section>',
  };
  say("pointerdown", {}, find("#crm-steps a"));
  find("crm-record").dispatchEvent(new CustomEvent("htmx:beforeSwap", { detail }));
  assert.equal(detail.serverResponse, "");
  say("pointerup", {}, find("#crm-steps a"));
  await pass(400);
  assert.ok(asked().at(-1).includes("steps"));
  assert.equal(asked().length, 2);
});

test("a call's button that one presses is there until one has, whatever becomes of the call meanwhile", async () => {
  page('<call-bar data-src="/calls/now/"><button>Hold</button></call-bar>');
  await pass(0);
  const bar = find("call-bar");
  const isShown = () =>
    say("htmx:beforeSwap", { requestConfig: { elt: bar }, shouldSwap: true }, bar).detail.shouldSwap;
  assert.equal(isShown(), true);
  say("pointerdown", {}, find("button"));
  assert.equal(isShown(), false);
  htmx.asked.length = 0;
  say("pointerup", {}, find("button"));
  await pass(400);
  assert.deepEqual(
    htmx.asked.map(({ url }) => url),
    ["/calls/now/"],
  );
  assert.equal(isShown(), true);
});
