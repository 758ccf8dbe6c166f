import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

import { clock, find, page, portal, reply, settled } from "./portal.mjs";

before(async () => {
  clock();
  page();
  await import("../../box/apps/tasks/static/tasks/gantt.js");
});

let sent;
beforeEach(() => {
  clock();
  localStorage.clear();
  sent = [];
  portal(() => reply(""));
});

// A bar at an hour of a day that is 240 pixels wide; keys move it by an hour.
const drawn = (
  hour,
) => `<section id="list"><gantt-chart data-src="/chart/" data-starts="0" data-day="240" data-snap="60"
    data-now="0" data-center="0" data-on=""><button data-gantt-critical></button><div class="gantt-scroll">
    <svg class="gantt-lines"><g class="gantt-task movable" data-task="7" data-schedule="/move/" data-starts="${hour * 3600}"
    data-ends="${(hour + 1) * 3600}"><a href="/7/"><rect class="gantt-bar" y="0" height="20"></rect></a></g></svg></div>
    <div class="gantt-plan" hidden></div></gantt-chart></section>`;

// The portal answers a move when `answer` is called, and draws the bar where it is then.
const shown = () => {
  let hour = 9;
  const answers = [];
  page(drawn(hour));
  window.htmx.ajax = async (method, address, { values }) => {
    sent.push([method, address, values?.starts && values.starts / 3600]);
    if (method === "POST") {
      await new Promise((resolve) => answers.push(resolve));
      hour = values.starts / 3600;
    } else {
      const list = find("#list");
      list.insertAdjacentHTML("beforebegin", drawn(hour));
      list.remove();
    }
  };
  find(".gantt-task a").focus();
  return async () => {
    answers.shift()();
    await settled();
  };
};
const press = (key, shiftKey = false) =>
  document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true }),
  );
const moves = () => sent.filter(([method]) => method === "POST").map(([, , hour]) => hour);

test("keys move a bar by steps, and Enter drops it", async () => {
  const answer = shown();
  press("ArrowRight", true);
  press("ArrowRight", true);
  assert.deepEqual(moves(), []);
  press("Enter");
  assert.deepEqual(moves(), [11]);
  await answer();
  assert.equal(find(".gantt-task").dataset.starts, String(11 * 3600));
});

test("who is quicker than the portal goes on from where the bar is dropped", async () => {
  const answer = shown();
  press("ArrowRight", true);
  press("Enter");
  press("ArrowRight", true);
  press("ArrowRight", true);
  press("Enter");
  assert.deepEqual(moves(), [10]);
  await answer();
  assert.deepEqual(moves(), [10, 12]);
  await answer();
  assert.equal(document.activeElement.closest(".gantt-task").dataset.starts, String(12 * 3600));
  press("ArrowLeft", true);
  press("Escape");
  press("Enter");
  assert.deepEqual(moves(), [10, 12]);
});
