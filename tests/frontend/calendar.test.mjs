import assert from "node:assert/strict";
import { before, test } from "node:test";

import { clock, find, page, pass, portal, reply, settled, told } from "./portal.mjs";

const LIBRARY = `data:text/javascript,${encodeURIComponent(`
  export class Calendar {
    constructor(place, settings) { Object.assign(this, { settings, view: { type: "timeGridWeek" }, fetched: 0 }); globalThis.drawn = this; }
    render() {}
    destroy() {}
    refetchEvents() { this.fetched += 1; }
  }`)}`;

before(async () => {
  clock();
  page();
  await import("../../box/apps/calendar/static/calendar/calendar.js");
});

test("what others change is fetched in place, and opens nothing", async () => {
  portal(() => reply("[]"));
  page(`<work-calendar data-library="${LIBRARY}" data-items="/calendar/items/" data-new="/calendar/new/" data-works="1,2">
    <div data-grid></div></work-calendar><dialog id="calendar-dialog"></dialog>`);
  await new Promise((done) => setImmediate(done));
  await settled();
  assert.ok(globalThis.drawn, "the calendar is drawn");
  told("calendar", "changed", { by: 7 });
  await pass(5000);
  assert.equal(globalThis.drawn.fetched, 0, "one's own change is there already");
  told("calendar", "changed", { by: 3 });
  told("calendar", "changed", { by: 4 });
  await pass(5000);
  assert.equal(globalThis.drawn.fetched, 1);
  assert.deepEqual(htmx.asked, []);
  find("work-calendar").openDialog("/calendar/events/5/");
  assert.equal(htmx.asked.length, 1);
});

test("of the days of an agenda each is a group, however much is on it, and they stay a list", () => {
  page(`<work-calendar><div role="list"><div role="listitem"><div role="list">
    <button class="cal-event"></button><button class="cal-event"></button></div></div></div></work-calendar>`);
  for (const event of document.querySelectorAll(".cal-event")) {
    find("work-calendar").label(event, { title: "Standup", extendedProps: {} });
  }
  const roles = [...document.querySelectorAll("work-calendar [role]")].map((one) => one.getAttribute("role"));
  assert.deepEqual(roles, ["list", "listitem", "group"]);
});
