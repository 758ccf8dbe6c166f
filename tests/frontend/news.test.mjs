import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, page, pass, say, settled, told } from "./portal.mjs";

const FORMS = { one: "{} new", few: "{} new few", many: "{} new many", other: "{} new ones", more: "more than {}" };

before(async () => {
  clock();
  page();
  await import("../../box/static/js/news.js");
});

beforeEach(() => {
  clock();
  mock.method(Math, "random", () => 0);
});

const chip = ({ attributes = "", inside = "", lang } = {}) =>
  page(`<news-chip topic="feed" kind="post" newest="10" src="/feed/news/?of=all" ${attributes}>${inside}</news-chip>`, {
    lang,
  });
const counting = (more = {}) =>
  chip({
    attributes: `forms='${JSON.stringify(FORMS)}' most="99"`,
    inside: '<template><a href="/feed/"><span data-text></span></a></template>',
    ...more,
  });
const text = () => find("news-chip a [data-text]")?.textContent;
const asked = () => htmx.asked.map(({ url }) => url);

test("of what is newer the server is asked, with what the page knows", async () => {
  chip();
  told("feed", "post", { id: 11, by: 3 });
  await pass(0);
  assert.deepEqual(asked(), ["/feed/news/?of=all&after=10"]);
});

test("several messages within one wait are one question", async () => {
  chip();
  for (const id of [11, 12, 13]) told("feed", "post", { id, by: 3 });
  await pass(0);
  assert.equal(asked().length, 1);
  told("feed", "post", { id: 14, by: 3 });
  await pass(0);
  assert.equal(asked().length, 2);
});

test("neither what is known, nor one's own, nor another kind is news", async () => {
  chip();
  told("feed", "post", { id: 10, by: 3 });
  told("feed", "post", { id: 11, by: 7 });
  told("feed", "comment", { id: 11, by: 3 });
  await pass(0);
  assert.deepEqual(asked(), []);
});

test("the comments of one post are not those of another", async () => {
  chip({ attributes: 'of="post" of-value="4"' });
  told("feed", "post", { id: 11, by: 3, post: 5 });
  await pass(0);
  assert.equal(asked().length, 0);
  told("feed", "post", { id: 12, by: 3, post: 4 });
  await pass(0);
  assert.equal(asked().length, 1);
});

test("a chip that counts asks nothing, and counts each thing once", async () => {
  counting();
  told("feed", "post", { id: 11, by: 3 });
  assert.equal(text(), "1 new");
  told("feed", "post", { id: 11, by: 3 });
  told("feed", "post", { id: 12, by: 3 });
  assert.equal(text(), "2 new ones");
  await pass(0);
  assert.deepEqual(asked(), []);
});

test("what was taken back counts no more", async () => {
  counting({ attributes: `forms='${JSON.stringify(FORMS)}' most="99" gone="gone"` });
  for (const id of [11, 12]) told("feed", "post", { id, by: 3 });
  told("feed", "gone", { id: 11, by: 3 });
  assert.equal(text(), "1 new");
  told("feed", "gone", { id: 9, by: 3 });
  told("crm", "gone", { id: 12, by: 3 });
  assert.equal(text(), "1 new");
  told("feed", "gone", { id: 12, by: 3 });
  assert.equal(find("news-chip a"), null);
  await pass(0);
  assert.deepEqual(asked(), []);
  told("feed", "gone", { id: 13, by: 3 });
  await pass(0);
  assert.equal(asked().length, 1, "the server may have counted it");
});

test("it counts in the plural of its reader", () => {
  counting({ lang: "ru" });
  told("feed", "post", { id: 11, by: 3 });
  told("feed", "post", { id: 12, by: 3 });
  assert.equal(text(), "2 new few");
  for (const id of [13, 14, 15]) told("feed", "post", { id, by: 3 });
  assert.equal(text(), "5 new many");
});

test("beyond what it may say it says more", () => {
  counting({ attributes: `forms='${JSON.stringify(FORMS)}' most="2"` });
  for (const id of [11, 12]) told("feed", "post", { id, by: 3 });
  assert.equal(text(), "2 new ones");
  told("feed", "post", { id: 13, by: 3 });
  assert.equal(text(), "more than 3");
});

test("it counts beyond what the server has counted", () => {
  counting({
    inside: `<template><a><span data-text></span></a></template><a><span data-text data-count="3" data-last="13"></span></a>`,
  });
  told("feed", "post", { id: 13, by: 3 });
  assert.equal(text(), "3 new ones");
  told("feed", "post", { id: 14, by: 3 });
  assert.equal(text(), "4 new ones");
});

test("after a gap it asks, and what came meanwhile is not lost", async () => {
  counting();
  htmx.answer = () => {
    told("feed", "post", { id: 15, by: 3 });
    find("news-chip").innerHTML = '<a><span data-text data-count="4" data-last="14">4 new ones</span></a>';
  };
  say("push:reset");
  await pass(0);
  assert.equal(asked().length, 1);
  assert.equal(text(), "5 new ones");
  assert.ok(find("news-chip template"));
});

test("a chip that has left the page listens no more", async () => {
  chip();
  find("news-chip").remove();
  told("feed", "post", { id: 11, by: 3 });
  say("push:reset");
  await pass(0);
  assert.deepEqual(asked(), []);
});

test("without an answer the next message asks again", async () => {
  chip();
  htmx.answer = () => Promise.reject(new Error("offline"));
  told("feed", "post", { id: 11, by: 3 });
  await pass(0);
  told("feed", "post", { id: 12, by: 3 });
  await pass(0);
  await settled();
  assert.equal(asked().length, 2);
});
