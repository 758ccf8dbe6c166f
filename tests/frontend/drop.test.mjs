import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

import { find, main, page, say, toasts } from "./portal.mjs";

let given;

before(async () => {
  globalThis.DataTransfer = window.DataTransfer = class {
    files = [];
    items = { add: (file) => this.files.push(file) };
  };
  customElements.define(
    "upload-list",
    class extends HTMLElement {
      add(files) {
        given.push([this.id, ...files.map(({ name }) => name)]);
      }
    },
  );
  page();
  await import("../../box/static/js/drop.js");
});

beforeEach(() => {
  given = [];
});

const file = (name = "a.txt") => new File(["x"], name);
const carrying = (files, { types = ["Files"], html = "" } = {}) => ({
  dataTransfer: { types, files, dropEffect: "" },
  clipboardData: { files, getData: () => html },
});
const over = (target) => say("dragover", {}, target, carrying([file()]));
const drop = (target, files = [file()], more) => say("drop", {}, target, carrying(files, more));
const paste = (target, files = [file()], more) => say("paste", {}, target, carrying(files, more));

const DRIVE = '<form><upload-list id="files"></upload-list></form><ul><li>a file</li></ul>';

test("the whole main region takes files for its one list, and is lit up meanwhile", () => {
  page(DRIVE);
  const event = over(find("li"));
  assert.ok(event.defaultPrevented);
  assert.equal(event.dataTransfer.dropEffect, "copy");
  assert.ok(main().classList.contains("dropping"));
  assert.ok(drop(find("li"), [file("a"), file("b")]).defaultPrevented);
  assert.deepEqual(given, [["files", "a", "b"]]);
  assert.ok(!main().classList.contains("dropping"));
});

test("what nobody takes is caught: the page stays", () => {
  page("<p>words</p>");
  const event = over(find("p"));
  assert.ok(event.defaultPrevented);
  assert.equal(event.dataTransfer.dropEffect, "none");
  assert.equal(find(".dropping"), null);
  assert.ok(drop(find("p")).defaultPrevented);
});

test("beside the main region nothing is taken", () => {
  page(DRIVE);
  document.body.insertAdjacentHTML("afterbegin", "<nav></nav>");
  assert.ok(drop(find("nav")).defaultPrevented);
  assert.deepEqual(given, []);
});

test("the nearest form takes them before the page does", () => {
  page(
    '<form><b></b><upload-list id="post"></upload-list></form><form><i></i><upload-list id="comment"></upload-list></form><p></p>',
  );
  drop(find("i"));
  drop(find("b"));
  assert.deepEqual(
    given.map(([id]) => id),
    ["comment", "post"],
  );
  // Of two that are as near, neither is meant.
  assert.equal(over(find("p")).dataTransfer.dropEffect, "none");
});

test("over an open dialog its own list is meant, not the page's", () => {
  page(`${DRIVE}<dialog open><form><upload-list id="within"></upload-list></form><p></p></dialog>`);
  drop(find("dialog p"));
  drop(find("li"));
  assert.deepEqual(
    given.map(([id]) => id),
    ["within"],
  );
});

test("a field for one file gets one, and is told", () => {
  page('<form><input type="file"></form><p></p>');
  let changes = 0;
  Object.defineProperty(find("input"), "files", { writable: true, value: [] });
  document.addEventListener("change", () => (changes += 1), { once: true });
  drop(find("p"), [file("a"), file("b")]);
  assert.deepEqual(
    find("input").files.map(({ name }) => name),
    ["a"],
  );
  assert.equal(changes, 1);
});

test("a field for a file says what was chosen, and that nothing is", () => {
  page('<label class="file-field"><input type="file"><b data-file data-none="or drop it">or drop it</b></label>');
  const choose = (...files) => {
    Object.defineProperty(find("input"), "files", { configurable: true, value: files });
    find("input").dispatchEvent(new Event("change", { bubbles: true }));
    return find("[data-file]").textContent;
  };
  assert.equal(choose(file("people.csv")), "people.csv");
  assert.equal(choose(), "or drop it");
});

test("words that are dragged, and pictures of the page itself, are not ours", () => {
  page(DRIVE);
  assert.equal(drop(find("li"), [], { types: ["text/plain"] }).defaultPrevented, false);
  say("dragstart", {}, find("li"));
  assert.equal(drop(find("li")).defaultPrevented, false);
  say("dragend", {}, find("li"));
  assert.equal(drop(find("li")).defaultPrevented, true);
});

test("a drag that leaves the window leaves nothing lit", () => {
  page(DRIVE);
  over(find("li"));
  say("dragleave", {}, find("li"), { relatedTarget: find("ul") });
  assert.ok(find(".dropping"));
  say("dragleave", {}, find("li"), { relatedTarget: null });
  assert.equal(find(".dropping"), null);
});

test("who pastes text with pictures hears that they did not come along", () => {
  page(`<form><div contenteditable></div>${DRIVE}</form><input>`);
  Object.assign(find("#texts").dataset, { picturesLeft: "They did not come along." });
  const text = find("[contenteditable]");
  const pasted = (html, target = text) => {
    paste(target, [], { html });
    const said = toasts();
    find("#toasts").replaceChildren();
    return said;
  };
  assert.deepEqual(pasted('<p>a<img src="https://elsewhere.test/a.png"></p>'), ["They did not come along."]);
  assert.deepEqual(pasted("<p>a</p>"), []);
  assert.deepEqual(pasted('<img src="https://elsewhere.test/emoji.png" width="16" height="16">'), [], "an icon");
  assert.deepEqual(pasted("<IMG height = 16 src=a>"), [], "an icon");
  assert.deepEqual(pasted('<img src="a" alt="a > b" data-height="16" width="48">'), ["They did not come along."]);
  assert.deepEqual(pasted("<p>&lt;img src=a&gt; <imgs></p>"), [], "no picture");
  assert.deepEqual(pasted('<img src="a">', find("input")), [], "there is no place for one");
  assert.equal(paste(text, [file("image.png")], { html: '<img src="a">' }).defaultPrevented, true);
  assert.deepEqual(toasts(), []);
});

test("a picture that is pasted is a file; a table from Excel with its picture is a table", () => {
  page(DRIVE);
  assert.equal(
    paste(document.body, [file("image.png")], { html: "<table ><tr></tr></table>" }).defaultPrevented,
    false,
  );
  assert.equal(paste(document.body, []).defaultPrevented, false);
  assert.deepEqual(given, []);
  assert.equal(paste(document.body, [file("image.png")], { html: "<img>" }).defaultPrevented, true);
  assert.deepEqual(given, [["files", "image.png"]]);
});
