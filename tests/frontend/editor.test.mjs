import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";

import { find, page } from "./portal.mjs";

const TOOLS = `<template><div><div role="toolbar"><button data-do="bold" aria-pressed="false">b</button>
  <button data-do="heading" aria-pressed="false">h</button><button data-do="link">l</button></div>
  <div data-address hidden><input></div></div></template>`;

let editorFor;
let holdsTable;
let peopleOf;
let editor;

before(async () => {
  page();
  ({ editorFor, holdsTable, peopleOf } = await import("../../box/static/js/editor.js"));
});

afterEach(() => editor?.destroy());

function opened(html = "", people = []) {
  page(
    `<form><div id="host"><textarea id="text" aria-label="Text" aria-invalid="true" placeholder="Write"></textarea>${TOOLS}</div></form>`,
  );
  const host = Object.assign(find("#host"), {
    field: find("textarea"),
    form: find("form"),
    changed: () => {},
    people: async () => people,
  });
  editor = editorFor(host, html);
  return editor;
}
const pasted = (html) => {
  opened();
  return editor.options.editorProps.transformPastedHTML(html);
};
const press = (button) => find(`[data-do=${button}]`).click();

test("the label of the area is the editor's: one field, one label", () => {
  opened();
  const field = find("[role=textbox]");
  assert.deepEqual(
    [field.id, field.getAttribute("aria-label"), field.getAttribute("aria-invalid")],
    ["text", "Text", "true"],
  );
  assert.equal(find("textarea").id, "");
});

test("lists of Word become lists, numbered ones too", () => {
  const item = (marker, text) => `<p class="MsoListParagraph"><![if !supportLists]>${marker}<![endif]>${text}</p>`;
  assert.equal(pasted(`${item("·&nbsp;", "a")} ${item("·", "b")}`), "<ul><li>a</li><li>b</li></ul>");
  assert.equal(pasted(item("<span>1.</span>", "a")), "<ol><li>a</li></ol>");
  assert.equal(pasted(item("б)", "а")), "<ol><li>а</li></ol>");
});

test("headings are cut to the two that there are", () => {
  assert.equal(
    pasted("<h1>a</h1><h2>b</h2><h3>c</h3><h4>d</h4><h5>e</h5><h6 class='x'>f</h6>").replaceAll(/ class="x"/g, ""),
    "<h3>a</h3><h3>b</h3><h3>c</h3><h4>d</h4><h4>e</h4><h4>f</h4>",
  );
});

test("what others say in styles is said in words, and no style stays", () => {
  assert.equal(
    pasted('<span style="font-weight:700">a</span>').replaceAll(/ data-style="[^"]*"/g, ""),
    "<span><strong>a</strong></span>",
  );
  assert.equal(pasted('<b style="font-weight:normal">a</b>'), "a");
  assert.match(
    pasted('<span style="font-style: italic; text-decoration: line-through">a</span>'),
    /<s><em>a<\/em><\/s>|<em>.*a|<s>/,
  );
  assert.doesNotMatch(
    pasted('<p style="color:red" onclick="x()">a</p><style>p{}</style>'),
    /\s(style|onclick)=|<style/,
  );
});

test("a table on the clipboard is known from a picture of one", () => {
  const board = (html) => ({ getData: () => html });
  assert.equal(holdsTable(board("<TABLE border=1>")), true);
  assert.equal(holdsTable(board("<tablet>")), false);
});

test("a press in the bar does what it says, and shows that it is on", () => {
  opened("<p>a</p>");
  editor.commands.selectAll();
  press("bold");
  assert.equal(editor.getHTML(), "<p><strong>a</strong></p>");
  assert.equal(find("[data-do=bold]").getAttribute("aria-pressed"), "true");
  press("heading");
  assert.equal(editor.getHTML(), "<h3><strong>a</strong></h3>");
});

test("an address without a scheme is one on the web, and an empty one takes the link away", () => {
  opened("<p>a</p>");
  editor.commands.selectAll();
  press("link");
  const field = find("[data-address] input");
  assert.equal(find("[data-address]").hidden, false);
  const enter = () =>
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  field.value = "example.com";
  enter();
  assert.match(editor.getHTML(), /href="https:\/\/example.com"/);
  field.value = "";
  enter();
  assert.equal(editor.getHTML(), "<p>a</p>");
});

test("a portal's own path stays one", () => {
  opened("<p>a</p>");
  editor.commands.selectAll();
  const field = find("[data-address] input");
  field.value = "/people/3/";
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  assert.match(editor.getHTML(), /href="\/people\/3\/"/);
});

test("a mention keeps whom it calls", () => {
  opened('<p><span data-mention="5" class="mention">@Anna Abramova</span> hello</p>');
  assert.equal(editor.getText(), "@Anna Abramova hello");
  assert.match(editor.getHTML(), /data-mention="5"/);
});

const asking = (known) => {
  const asked = [];
  const people = async (query) => {
    asked.push(query);
    return known.filter((name) => name.toLowerCase().startsWith(query.trim().toLowerCase()));
  };
  return { asked, ask: (query) => peopleOf({ people }, query) };
};

test("a call goes on after a space, as names do", async () => {
  const { ask } = asking(["Alice Carter"]);
  for (const query of ["Alice", "Alice ", "Alice C"]) assert.deepEqual(await ask(query), ["Alice Carter"]);
});

test("what follows a call that means nobody is a sentence, and asks nothing", async () => {
  const { asked, ask } = asking(["Alice Carter"]);
  for (const query of ["Alice please", "Alice please look", "Alice please look at", "one two three four", " "]) {
    assert.deepEqual(await ask(query), []);
  }
  assert.deepEqual(asked, ["Alice please"]);
  assert.deepEqual(await ask("Alice"), ["Alice Carter"]);
});

test("a tag becomes a link on the server: here it is a word", () => {
  opened('<p><a class="hashtag" href="/feed/?tag=x">#x</a></p>');
  assert.equal(editor.getHTML(), "<p>#x</p>");
});
