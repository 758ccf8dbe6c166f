// The shell stays: a boosted link or form swaps the main region, and everything around it is kept right.

import { isInHand } from "./live.js";
import { turn } from "./push.js";
import { texts, toast } from "./toasts.js";

const htmx = window.htmx;
const main = () => document.getElementById("main");

// Which part of an answer goes where.

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  // A sentence instead of a page is for a note in the corner: what one reads or writes stays.
  if (!detail.boosted || !isPage(detail.xhr)) return;
  // An error's page is a page: it says what to do.
  detail.shouldSwap = true;
  detail.isError = false;
  detail.target = main();
  detail.selectOverride = "#main";
  detail.swapOverride = "outerHTML";
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (!detail.boosted || detail.target?.id !== "main") return;
  renewMe(detail.xhr);
  const anchor = location.hash && document.getElementById(location.hash.slice(1));
  arrive();
  if (anchor) anchor.scrollIntoView();
  else window.scrollTo(0, 0);
});

const isPage = (xhr) => xhr.getResponseHeader("Content-Type")?.startsWith("text/html");

const problemOf = (xhr) =>
  isPage(xhr) ? parsed(xhr.responseText).querySelector("[data-error]")?.textContent : xhr.responseText;

// The balancer's own page carries its style, which the policy of this one would complain about.
const parsed = (html) => new DOMParser().parseFromString(html.replace(/<style>.*?<\/style>/gs, ""), "text/html");

// The reader of a screen hears the new page's title, and the next Tab goes on from there.
function arrive() {
  markMenu();
  aimHelp();
  const wanted = main().querySelector("[autofocus]") ?? main().querySelector("h1") ?? main();
  if (!wanted.matches("input, textarea, select, button, a")) wanted.tabIndex = -1;
  wanted.focus({ preventScroll: true });
}

// Who has another name or photo now sees it in the bar at once: the page that came holds the bar as it should be.
function renewMe(xhr) {
  const me = document.querySelector(".topbar .me");
  if (!me || !("me" in main().dataset) || me.dataset.me === main().dataset.me) return;
  const fresh = parsed(xhr.responseText).querySelector(".topbar .me");
  if (fresh) me.replaceWith(document.importNode(fresh, true));
}

// The question mark explains the screen that one is on.
function aimHelp() {
  const help = document.getElementById("help");
  if (help) help.href = `${help.dataset.for}?at=${encodeURIComponent(location.pathname)}`;
}

function markMenu() {
  const section = main()?.dataset.section;
  for (const link of document.querySelectorAll(".menu-list a")) {
    if (link.dataset.entry === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// On a phone the bar has room for a few entries: the others come with its last button, and go with a choice.
document.addEventListener("click", ({ target }) => {
  const more = document.querySelector(".menu-more button");
  if (!more) return;
  const isOpen = more.getAttribute("aria-expanded") === "true";
  more.setAttribute("aria-expanded", String(more.contains(target) && !isOpen));
});

// A step back in history returns to where one was reading.

const positions = new Map();
let place = location.href;
history.scrollRestoration = "manual";
addEventListener("pagehide", () => (history.scrollRestoration = "auto"));
addEventListener("scroll", () => place === location.href && positions.set(place, scrollY), { passive: true });
document.addEventListener("htmx:pushedIntoHistory", () => {
  place = location.href;
  aimHelp();
  // What was found before is not what one went to.
  document.getElementById("found")?.replaceChildren();
});
document.addEventListener("htmx:historyRestore", () => {
  place = location.href;
  arrive();
  window.scrollTo(0, positions.get(place) ?? 0);
});

// Whoever has pressed Enter has asked for the page of results: what is suggested meanwhile comes too late, until
// they type again. So it does for whoever walks through what was found: it must not go from under them.

let isAsked = false;
const search = () => document.getElementById("search");
const isLate = () => isAsked || document.getElementById("found")?.contains(document.activeElement);
document.addEventListener("submit", ({ target }) => (isAsked ||= target === search()?.form), { capture: true });
document.addEventListener("input", ({ target }) => target === search() && (isAsked = false));
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target === search() && isLate()) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id === "found" && isLate()) detail.shouldSwap = false;
});

// Of what is taken off the page while it asks: a list must not write its address over that of the page one is on; a
// form that was sent leads to where it leads all the same, of which htmx knows nothing any more.

const asking = new WeakMap();
document.addEventListener("htmx:beforeRequest", ({ detail }) => asking.set(detail.requestConfig.elt, detail));
document.addEventListener("htmx:beforeCleanupElement", ({ target }) => {
  const { xhr, boosted } = asking.get(target) ?? {};
  if (!(xhr?.readyState < XMLHttpRequest.DONE)) return;
  if (boosted) target.setAttribute("hx-push-url", "true");
  else if (target.matches("[hx-push-url=true], [hx-replace-url=true]"))
    target.addEventListener("htmx:beforeOnLoad", (event) => event.preventDefault(), { once: true });
});

// An answer that takes a moment shows a line at the top; one that never comes says so.

let open = 0;
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.boosted) document.body.toggleAttribute("data-loading", ++open > 0);
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.boosted) document.body.toggleAttribute("data-loading", --open > 0);
});
document.addEventListener("htmx:sendError", () => toast(texts().offline, { isError: true }));
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status === 401) return location.assign(document.body.dataset.signIn);
  toast(problemOf(detail.xhr) || texts().failed, { isError: true });
});
document.addEventListener("toast", ({ detail }) => toast(detail.value ?? detail, { action: detail.action }));

// What renews itself by the clock waits while one has something of it in hand, or has asked for a page: with what was
// clicked, the answer to that would go.

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const isByTheClock = detail.requestConfig.elt.getAttribute("hx-trigger")?.startsWith("every");
  if (isByTheClock && (open > 0 || isInHand(detail.target))) detail.shouldSwap = false;
});

// The nonce makes a retry harmless; once a form has been answered it gets another, to post anew.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.requestConfig.elt;
  if (detail.successful && detail.requestConfig.verb === "post" && form.elements?.nonce) {
    form.elements.nonce.value = crypto.randomUUID();
  }
});

// Dangerous things ask by naming what will happen.

document.addEventListener("htmx:confirm", (event) => {
  const { question: told, elt, issueRequest, triggeringEvent } = event.detail;
  // A form of several answers asks for one of them: htmx sees what the form says alone.
  const pressed = triggeringEvent?.submitter;
  const by = told ? elt : pressed;
  const question = told || pressed?.getAttribute("hx-confirm");
  if (!question) return;
  event.preventDefault();
  const dialog = document.getElementById("ask");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector("[value=yes]").textContent = by.dataset.yes ?? by.textContent.trim();
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && issueRequest(true), { once: true });
  dialog.showModal();
});

// A dialog that is asked for opens when its content comes:
//
//   <dialog id="plan" data-until="structure-changed">  closes at that event, and by what has [data-close]

document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  if (!target?.matches?.("dialog[data-until]") || target.open) return;
  target.showModal();
  addEventListener(target.dataset.until, () => target.close(), { once: true });
});
document.addEventListener("click", (event) => {
  const dialog = event.target.closest?.("[data-close]")?.closest("dialog[data-until]");
  if (!dialog) return;
  event.preventDefault();
  dialog.close();
});

// Small sheets close like menus do, and are walked through with the arrows.

const sheetOf = (target) => target.closest?.("details.drop, .search");
const items = (host) => [...host.querySelectorAll(".sheet .item")];

document.addEventListener("click", ({ target }) => {
  for (const drop of document.querySelectorAll("details.drop[open]")) {
    if (!drop.contains(target) || target.closest("a.item")) drop.open = false;
  }
  const found = document.getElementById("found");
  if (found && (!target.closest(".search") || target.closest("a.item"))) found.replaceChildren();
});

document.addEventListener("keydown", (event) => {
  const host = sheetOf(event.target);
  if (event.key === "Escape" && host) {
    if (host.open) host.querySelector("summary").focus();
    host.open = false;
    host.querySelector("#found")?.replaceChildren();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && host && items(host).length) {
    const all = items(host);
    const next = all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    if (host.matches("details:not([open])")) return;
    event.preventDefault();
    (all[next] ?? (next < 0 ? host.querySelector("input, summary") : all[0])).focus();
  } else if (event.key === "/" && !isTyping(event)) {
    const search = document.querySelector("#main [data-search]") ?? document.getElementById("search");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  }
});

const isTyping = ({ target, ctrlKey, altKey, metaKey }) =>
  ctrlKey || altKey || metaKey || target.closest?.("input, textarea, select, [contenteditable]");

// What a sheet holds may be asked for when it is opened, each time anew: a list has many of them. It begins with a
// link to the same, which is all of it without JavaScript.

document.addEventListener(
  "toggle",
  ({ target: drop }) => {
    const sheet = drop.open && drop.querySelector(":scope > .sheet[data-from]");
    if (!sheet) return;
    sheet.dataset.from ||= sheet.querySelector("a").getAttribute("href");
    htmx.ajax("get", sheet.dataset.from, { source: sheet, target: sheet, swap: "innerHTML" }).catch(() => {});
  },
  { capture: true },
);

// Buttons of the one bare form, which are many on a page, say only where they post to: the answer comes in place of
// what they stand in. Pressed again meanwhile, the last press follows.

document.addEventListener(
  "submit",
  (event) => {
    const button = event.submitter;
    const place = event.target.id === "bare" && button?.closest("[data-answered]");
    if (!place) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    button.setAttribute("hx-sync", "closest [data-answered]:queue last");
    htmx
      .ajax("post", button.getAttribute("formaction"), { source: button, target: place, swap: "outerHTML" })
      .catch(() => {});
  },
  { capture: true },
);

// Another name or logo of the company is there at once. Everybody fetches it, so each browser waits for its turn.

document.addEventListener("push:message", async ({ detail: { topic, kind, payload } }) => {
  if (topic !== "portal" || kind !== "brand") return;
  await turn();
  for (const brand of document.querySelectorAll(".brand")) {
    brand.querySelector("img").src = payload.logo;
    brand.querySelector(".label").textContent = payload.name;
  }
});

// A link to be given to somebody is copied with a press.

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.(".copyable [data-copy]");
  if (!button) return;
  const address = button.closest(".copyable").querySelector("input[readonly]");
  address.select();
  await navigator.clipboard.writeText(address.value);
  toast(button.dataset.copied);
});

// The theme changes at once, and the form behind the button remembers it.

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-set-theme]");
  if (!button) return;
  event.preventDefault();
  document.documentElement.dataset.theme = button.value;
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
  const body = new FormData(button.form, button);
  const answer = await fetch(button.form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (!answer) toast(texts().offline, { isError: true });
});

// Small choices of this browser alone, such as the narrow menu.

for (const box of document.querySelectorAll("[data-keep]")) {
  box.checked = localStorage.getItem(box.dataset.keep) === "on";
  box.addEventListener("change", () => localStorage.setItem(box.dataset.keep, box.checked ? "on" : "off"));
}

// Ctrl+Enter sends what one is writing.

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches?.("textarea")) return;
  event.preventDefault();
  event.target.form?.requestSubmit();
});

if (!htmx) console.error("htmx is missing: run `npm ci && npm run build` in box/frontend.");
