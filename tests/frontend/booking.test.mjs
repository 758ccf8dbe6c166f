// A booking page, and what a visitor reads when the portal takes nothing.

import assert from "node:assert/strict";
import { before, mock, test } from "node:test";

import { clock, find, page, pass, portal, reply } from "./portal.mjs";

// The script looks for its form once, when the page is loaded.
before(async () => {
  clock();
  page(`<form id="booking" data-challenge="/challenge/" data-bookings="/book/" data-failed="Reload the page.">
    <input type="radio" name="start" value="1" checked><input name="name" value="Rose" required>
    <p data-wrong=""></p><button type="submit">Book</button></form>`);
  portal(() => reply({ challenge: "one", bits: 1 }));
  await import("../../box/apps/calendar/static/calendar/booking.js");
  await pass(4000);
});

async function book(answer) {
  mock.method(Math, "random", () => 0);
  const asked = portal(({ url }) => (url === "/challenge/" ? reply({ challenge: "one", bits: 1 }) : answer));
  find("#booking").dispatchEvent(new Event("submit", { cancelable: true }));
  await pass(4000);
  return asked.filter(({ url }) => url === "/book/");
}

const said = () => find("[data-wrong='']").textContent;

test("whoever has booked too often reads how long to wait, and may try again", async () => {
  const sent = await book(reply({ refused: "Please try again in a quarter of an hour." }, 429));
  assert.equal(JSON.parse(sent[0].body).name, "Rose");
  assert.equal(said(), "Please try again in a quarter of an hour.");
  assert.equal(find("button").disabled, false);
});

test("what the portal does not understand is begun anew", async () => {
  await book(reply({ refused: "At most 20000 bytes are taken." }, 400));
  assert.equal(said(), "Reload the page.");
});
