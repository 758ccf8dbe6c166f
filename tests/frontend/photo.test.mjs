// The numbers of the square: box/core/people/photos.py refuses what these would not say.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { find, page, press } from "./portal.mjs";

let size;

before(async () => {
  globalThis.ResizeObserver = window.ResizeObserver = class {
    observe() {}
    disconnect() {}
  };
  URL.createObjectURL = () => "blob:picture";
  URL.revokeObjectURL = () => {};
  HTMLImageElement.prototype.decode = async () => {
    if (!size) throw new Error("not a picture");
  };
  for (const [at, name] of ["naturalWidth", "naturalHeight"].entries()) {
    Object.defineProperty(HTMLImageElement.prototype, name, { get: () => size?.[at] ?? 0 });
  }
  page();
  await import("../../box/core/people/static/people/photo.js");
});

async function opened(width, height) {
  size = width && [width, height];
  page(`<form><input type="file" name="photo"><photo-square data-square="/square/" data-picture="/picture/">
    <div data-choice hidden><div data-stage tabindex="0"><img></div><input data-zoom type="range" min="0" max="100"></div>
    <p data-lost hidden></p><div data-sends></div><div data-cuts hidden></div>
    <input name="left" disabled><input name="top" disabled><input name="side" disabled></photo-square></form>`);
  const square = find("photo-square");
  await square.open("blob:picture");
  return square;
}
const numbers = () => ["left", "top", "side"].map((name) => Number(find(`[name=${name}]`).value));

test("at first it is the largest square, a little above the middle, where faces are", async () => {
  await opened(1000, 800);
  assert.deepEqual(numbers(), [100, 0, 800]);
  await opened(800, 1000);
  assert.deepEqual(numbers(), [0, 70, 800]);
});

test("the square never leaves the picture", async () => {
  const square = await opened(1000, 800);
  square.put({ left: -50, top: 700, side: 400 });
  assert.deepEqual(numbers(), [0, 400, 400]);
  square.put({ left: 5000, top: 0, side: 5000 });
  assert.deepEqual(numbers(), [200, 0, 800]);
});

test("it is an eighth of the picture at least, and no smaller than a photo is shown", async () => {
  const square = await opened(1600, 1600);
  square.setSide(1);
  assert.equal(numbers()[2], 200);
  (await opened(300, 300)).setSide(1);
  assert.equal(numbers()[2], 96);
  (await opened(50, 60)).setSide(1);
  assert.equal(numbers()[2], 50);
});

test("zooming keeps what is under the pointer where it is", async () => {
  const square = await opened(1000, 1000);
  square.setSide(500, 0, 0);
  assert.deepEqual(numbers(), [0, 0, 500]);
  (await opened(1000, 1000)).setSide(500, 1, 1);
  assert.deepEqual(numbers(), [500, 500, 500]);
});

test("the slider and the square say the same", async () => {
  const square = await opened(1600, 1600);
  for (const zoom of [0, 25, 50, 100]) assert.ok(Math.abs(square.zoomAt(square.sideAt(zoom)) - zoom) < 1e-9);
  assert.deepEqual([square.sideAt(0), square.sideAt(100)], [1600, 200]);
});

test("what the browser cannot draw goes as it is, without numbers", async () => {
  const square = await opened(null);
  assert.equal(await square.open("blob:x"), false);
  assert.ok(find("[name=side]").disabled);
});

test("keys move the square", async () => {
  const square = await opened(1000, 1000);
  square.put({ left: 200, top: 200, side: 400 });
  const before = numbers();
  press(find("[data-stage]"), "ArrowRight");
  assert.notDeepEqual(numbers(), before);
  assert.equal(numbers()[2], 400);
});
