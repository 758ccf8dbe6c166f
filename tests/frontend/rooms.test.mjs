// What the rooms' own scripts do: the feed, its emoji, the drive, the clock, passkeys.

import assert from "node:assert/strict";
import { before, beforeEach, mock, test } from "node:test";

import { clock, find, leaving, page, pass, portal, press, reply, say, settled, told, type } from "./portal.mjs";

before(async () => {
  clock();
  page();
  for (const name of [
    "apps/feed/static/feed/feed",
    "core/discussion/static/discussion/discussion",
    "core/discussion/static/discussion/emoji",
    "apps/drive/static/drive/drive",
    "static/js/clocks",
    "apps/worktime/static/worktime/clock",
    "core/accounts/static/accounts/passkeys",
  ]) {
    await import(`../../box/${name}.js`);
  }
});

beforeEach(() => {
  clock();
  mock.method(Math, "random", () => 0);
});

// The feed

const LIKES = `<div class="talk-foot"><button name="value" value="1" aria-pressed="false"><span class="number" data-likes="4">2</span></button>
  <button name="value" value="-1" aria-pressed="true"><span class="number" data-dislikes="4">1</span></button></div>`;
const likes = () => [...document.querySelectorAll(".number")].map((one) => one.textContent);
const pressedNow = () =>
  [...document.querySelectorAll("button")].slice(0, 2).map((one) => one.getAttribute("aria-pressed"));

test("a like is there as soon as it is given, and takes the dislike away", () => {
  page(LIKES);
  const detail = { elt: find("button"), requestConfig: { elt: find("button"), verb: "post" } };
  say("htmx:beforeRequest", detail);
  assert.deepEqual(
    [likes(), pressedNow()],
    [
      ["3", ""],
      ["true", "false"],
    ],
  );
  say("htmx:afterRequest", { ...detail, successful: false });
  assert.deepEqual(
    [likes(), pressedNow()],
    [
      ["2", "1"],
      ["false", "true"],
    ],
  );
});

test("a like that is pressed again is taken back", () => {
  page(LIKES);
  const [, dislike] = document.querySelectorAll("button");
  say("htmx:beforeRequest", { requestConfig: { elt: dislike, verb: "post" } });
  assert.deepEqual(
    [likes(), pressedNow()],
    [
      ["2", ""],
      ["false", "false"],
    ],
  );
});

test("numbers that others change are those of the post they name", () => {
  page(LIKES);
  told("discussion", "reactions", { thread: 5, likes: 9, dislikes: 9 });
  assert.deepEqual(likes(), ["2", "1"]);
  told("discussion", "reactions", { thread: 4, likes: 9, dislikes: 0 });
  assert.deepEqual(likes(), ["9", ""]);
});

test("emoji that others give come at the end, and those that are gone go", () => {
  page(`<div id="foot-4"><button class="act emoji" value="👍"><span class="number">1</span></button><button class="act emoji" value="🎉"><span class="number">1</span></button>
    <details class="emoji-drop"><div class="sheet" data-from="/emoji/4/"></div></details></div>`);
  told("discussion", "emoji", { thread: 4, counts: { "👍": 2, "❤": 1 } });
  assert.deepEqual(
    [...document.querySelectorAll("#foot-4 > .emoji")].map((one) => [
      one.value,
      one.querySelector(".number").textContent,
    ]),
    [
      ["👍", "2"],
      ["❤", "1"],
    ],
  );
  assert.equal(find("[value='❤']").getAttribute("formaction"), "/emoji/4/");
});

test("the results of a poll change in place", () => {
  page('<b data-voters="4">1</b><b data-votes="11">1</b><progress data-votes-bar="11"></progress>');
  told("feed", "poll", { post: 4, voters: 3, votes: { 11: 2 } });
  assert.deepEqual([find("[data-voters]").textContent, find("[data-votes]").textContent], ["3", "2"]);
  assert.deepEqual([find("progress").max, find("progress").value], [3, 2]);
});

test("an answer to a comment says whom it answers", () => {
  page(
    `<div class="comments"><button data-reply="8" data-name="Anna"></button><form data-answer><input name="parent"><p class="replying" hidden data-template="To {}"><b data-whom></b></p><textarea></textarea></form></div>`,
  );
  find("[data-reply]").click();
  assert.equal(find("form").elements.parent.value, "8");
  assert.equal(find("[data-whom]").textContent, "To Anna");
  assert.equal(find(".replying").hidden, false);
  assert.equal(document.activeElement, find("textarea"));
});

test("the next comment answers nobody, and says no more what was wrong with the last", () => {
  page(
    `<form data-answer><input name="parent" value="8"><p class="replying" data-template="To {}"><b data-whom></b></p><p class="form-error"></p></form>`,
  );
  const form = find("form");
  form.dispatchEvent(
    new CustomEvent("htmx:afterRequest", { bubbles: true, detail: { successful: true, requestConfig: { elt: form } } }),
  );
  assert.equal(form.elements.parent.value, "");
  assert.equal(find(".replying").hidden, true);
  assert.equal(find(".form-error"), null);
});

test("what came twice stands once, where it came first", () => {
  page(
    `<div class="said"><p class="comment" id="comment-1">a</p><p class="comment" id="comment-2">b</p><p class="comment" id="comment-1">a</p></div>`,
  );
  find("#comment-2").dispatchEvent(new CustomEvent("htmx:afterSettle", { bubbles: true, detail: {} }));
  assert.deepEqual(
    [...document.querySelectorAll(".comment")].map((one) => one.id),
    ["comment-1", "comment-2"],
  );
});

test("whoever asks for the comments stands in their field, whoever is shown new ones stays", () => {
  page('<a data-comments></a><a class="news"></a><section id="comments-4"><textarea></textarea></section>');
  const settle = (elt) => say("htmx:afterSettle", { requestConfig: { elt, target: find("section") } });
  settle(find(".news"));
  assert.notEqual(document.activeElement, find("textarea"));
  settle(find("[data-comments]"));
  assert.equal(document.activeElement, find("textarea"));
});

test("what was asked beside a post goes with it, once it was accepted", () => {
  page(
    '<form id="composer"><details class="composer-more" open><input name="q" value="Lunch?"><input type="checkbox" name="several" checked></details></form>',
  );
  const detail = { elt: find("#composer"), requestConfig: { elt: find("#composer"), verb: "post" } };
  say("htmx:afterRequest", { ...detail, successful: false });
  assert.equal(find("[name=q]").value, "Lunch?");
  say("htmx:afterRequest", { ...detail, successful: true });
  assert.deepEqual(
    [find("[name=q]").value, Boolean(find("[name=several]").checked), find("[name=several]").value],
    ["", false, "on"],
  );
});

// Emoji

const EMOJI = [
  [
    "smileys",
    [
      ["😀", "grinning face", "smile happy"],
      ["😢", "crying face", "sad"],
    ],
  ],
  ["food", [["🍰", "cake", "sweet"]]],
];
async function choosing(src) {
  page(
    `<emoji-choice data-src="${src}" data-nothing="Nothing"><button data-more></button><div class="emoji-all" hidden><input><div class="emoji-grid"></div></div><template><button class="one" tabindex="-1"></button></template></emoji-choice>`,
  );
  find("[data-more]").click();
  await settled();
}
const shown = () => [...document.querySelectorAll(".one")].map((one) => one.textContent);

test("all emoji are fetched once, and when somebody wants them", async () => {
  const asked = portal(() => reply(EMOJI));
  await choosing("/a.json");
  await choosing("/a.json");
  assert.equal(asked.length, 1);
  assert.deepEqual(shown(), ["😀", "😢", "🍰"]);
  assert.equal(find(".one").getAttribute("aria-label"), "grinning face");
});

test("emoji are found by all the words that are typed", async () => {
  portal(() => reply(EMOJI));
  await choosing("/a.json");
  const typed = async (text) => {
    type(find("emoji-choice input"), text);
    await pass(100);
    return shown();
  };
  assert.deepEqual(await typed(" FACE  sad "), ["😢"]);
  assert.deepEqual(await typed("zzz"), []);
  assert.equal(find(".emoji-grid").textContent, "Nothing");
});

test("without a connection the next press asks anew", async () => {
  portal(() => Promise.reject(new Error("offline")));
  await choosing("/b.json");
  assert.equal(find(".emoji-all").hidden, true);
  portal(() => reply(EMOJI));
  find("[data-more]").click();
  await settled();
  assert.equal(shown().length, 3);
});

test("arrows walk through emoji, and one of them is a stop of the Tab key", async () => {
  portal(() => reply(EMOJI));
  await choosing("/a.json");
  const all = document.querySelectorAll(".one");
  find("emoji-choice input").focus();
  press(find("emoji-choice input"), "ArrowDown");
  assert.equal(document.activeElement, all[0]);
  press(all[0], "ArrowRight");
  assert.equal(document.activeElement, all[1]);
  assert.deepEqual(
    [...all].map((one) => one.tabIndex),
    [-1, 0, -1],
  );
  press(all[1], "ArrowLeft");
  press(all[0], "ArrowLeft");
  assert.equal(document.activeElement, all[0]);
});

// The drive

const FOLDER = `<drive-folder folder="4"><div class="news"><template><button data-renew>New</button></template></div></drive-folder>`;
const hasNews = () => find(".news button") !== null;

test("what others change in this folder waits behind a chip", async () => {
  page(FOLDER);
  told("drive", "folder", { folder: 5, by: 3 });
  told("drive", "folder", { folder: 4, by: 7 });
  await settled();
  assert.equal(hasNews(), false);
  told("drive", "folder", { folder: 4, by: 3 });
  told("drive", "folder", { folder: 4, by: 3 });
  await settled();
  assert.equal(document.querySelectorAll(".news button").length, 1);
  find(".news button").click();
  assert.equal(hasNews(), false);
  assert.deepEqual(htmx.triggered, ["drive-changed"]);
});

test("a gap may have been about this folder", async () => {
  page(FOLDER);
  say("push:reset");
  await settled();
  assert.equal(hasNews(), true);
});

// The clock

test("the clock goes on from what the server said, also after a sleep", async () => {
  page('<b data-clock data-running data-seconds="3590"></b><i data-clock data-seconds="60">0:01</i>');
  say("htmx:load");
  assert.equal(find("b").textContent, "0:59");
  await pass(10_000);
  say("visibilitychange");
  assert.equal(find("b").textContent, "1:00");
  assert.equal(find("i").textContent, "0:01");
});

test("another tab's start or end is asked for, and pages that show the day are told", async () => {
  page('<work-clock id="work-clock" data-src="/clock/"></work-clock>');
  await settled();
  assert.equal(htmx.asked.length, 1);
  told("worktime", "day");
  told("worktime", "clock");
  told("worktime", "clock");
  await pass(0);
  assert.equal(htmx.asked.length, 2);
  assert.deepEqual(htmx.triggered, ["work-changed"]);
});

// Passkeys

const KEYS = `<form data-passkey="get" data-challenge="/challenge/" data-unsupported="Too old." data-refused="Refused." data-known="Known.">
  <input name="credential"><input name="csrfmiddlewaretoken" value="t"><p data-problem hidden><span></span></p></form>`;
const problem = () => find("[data-problem] span").textContent;
async function signing(form = KEYS) {
  page(form);
  find("form").submit = () => (find("form").dataset.sent = "yes");
  const event = say("submit", {}, find("form"));
  await settled();
  return event;
}
function keyring(get) {
  globalThis.PublicKeyCredential = {
    parseRequestOptionsFromJSON: (options) => options,
    parseCreationOptionsFromJSON: (options) => options,
  };
  Object.defineProperty(navigator, "credentials", { configurable: true, value: { get, create: get } });
}

test("a browser without passkeys says so, and the form is not sent as it is", async () => {
  delete globalThis.PublicKeyCredential;
  const event = await signing();
  assert.ok(event.defaultPrevented);
  assert.equal(problem(), "Too old.");
  assert.equal(find("form").dataset.sent, undefined);
});

test("what the passkey has signed goes with the form", async () => {
  keyring(async ({ publicKey }) => ({ toJSON: () => ({ signed: publicKey.challenge }) }));
  const asked = portal(() => reply({ challenge: "abc" }));
  await signing();
  assert.equal(asked[0].headers["X-CSRFToken"], "t");
  assert.equal(find("[name=credential]").value, '{"signed":"abc"}');
  assert.equal(find("form").dataset.sent, "yes");
});

test("what went wrong is said, and one may try again", async () => {
  portal(() => reply({}));
  keyring(() => Promise.reject(new DOMException("no", "NotAllowedError")));
  await signing();
  assert.equal(problem(), "Refused.");
  assert.equal(find("form").inert, false);
  keyring(() => Promise.reject(new DOMException("again", "InvalidStateError")));
  await signing();
  assert.equal(problem(), "Known.");
});

test("a challenge that asks for the password first leads there", async () => {
  keyring(() => assert.fail("not asked"));
  const places = leaving();
  portal(() => ({ ...reply({}), redirected: true, url: "https://portal.test/password/" }));
  await signing();
  assert.deepEqual(places, ["https://portal.test/password/"]);
});
