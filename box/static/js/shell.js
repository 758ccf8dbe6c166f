// The shell stays: a boosted link or form swaps the main region, and everything around it is kept right.

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
  const anchor = location.hash && document.getElementById(location.hash.slice(1));
  arrive();
  if (anchor) anchor.scrollIntoView();
  else window.scrollTo(0, 0);
});

const isPage = (xhr) => xhr.getResponseHeader("Content-Type")?.startsWith("text/html");

const problemOf = (xhr) =>
  isPage(xhr)
    ? parsed(xhr.responseText).querySelector("[data-error]")?.textContent
    : xhr.responseText;

// The balancer's own page carries its style, which the policy of this one would complain about.
const parsed = (html) => new DOMParser().parseFromString(html.replace(/<style>.*?<\/style>/gs, ""), "text/html");

// The reader of a screen hears the new page's title, and the next Tab goes on from there.
function arrive() {
  markMenu();
  const wanted = main().querySelector("[autofocus]") ?? main().querySelector("h1") ?? main();
  if (!wanted.matches("input, textarea, select, button, a")) wanted.tabIndex = -1;
  wanted.focus({ preventScroll: true });
}

function markMenu() {
  const section = main()?.dataset.section;
  for (const link of document.querySelectorAll(".menu-list a")) {
    if (link.dataset.entry === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// A step back in history returns to where one was reading.

const positions = new Map();
let place = location.href;
history.scrollRestoration = "manual";
addEventListener("pagehide", () => (history.scrollRestoration = "auto"));
addEventListener("scroll", () => place === location.href && positions.set(place, scrollY), { passive: true });
document.addEventListener("htmx:pushedIntoHistory", () => (place = location.href));
document.addEventListener("htmx:historyRestore", () => {
  place = location.href;
  arrive();
  window.scrollTo(0, positions.get(place) ?? 0);
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
document.addEventListener("toast", ({ detail }) => toast(detail.value ?? detail));

// The nonce makes a retry harmless; once a form has been answered it gets another, to post anew.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.requestConfig.elt;
  if (detail.successful && detail.requestConfig.verb === "post" && form.elements?.nonce) {
    form.elements.nonce.value = crypto.randomUUID();
  }
});

// Dangerous things ask by naming what will happen.

document.addEventListener("htmx:confirm", (event) => {
  const { question, elt, issueRequest } = event.detail;
  if (!question) return;
  event.preventDefault();
  const dialog = document.getElementById("ask");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector("[value=yes]").textContent = elt.dataset.yes ?? elt.textContent.trim();
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && issueRequest(true), { once: true });
  dialog.showModal();
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
