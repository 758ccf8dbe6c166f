// The number on the bell and those in the menu: how much there is that this person should know or do. The tab says
// their sum.

import { turn } from "./push.js";

document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  const place = document.getElementById("bell-count");
  if (place && topic === "notify" && kind === "count") place.textContent = payload.unread || "";
  if (topic === "notify" && kind === "counter") {
    for (const one of document.querySelectorAll(`[data-counter="${payload.key}"]`)) one.textContent = payload.shown;
  }
  if (topic === "notify") tell();
});

const MOST = 99;

function tell() {
  const places = document.querySelectorAll("#bell-count, [data-counter]");
  const sum = [...places].reduce((total, { textContent }) => total + (Number.parseInt(textContent, 10) || 0), 0);
  const plain = document.title.replace(/^\(\d+\+?\) /, "");
  const title = sum ? `(${sum > MOST ? `${MOST}+` : sum}) ${plain}` : plain;
  if (title !== document.title) document.title = title;
}

// A page that came brought its own title.
document.addEventListener("htmx:afterSettle", tell);
tell();

async function ask() {
  await turn();
  const address = document.getElementById("bell")?.dataset.unread;
  // Asked by the number, not by the link around it: a boosted link is answered with a page, in place of this one.
  const place = document.getElementById("bell-count");
  if (address && place)
    window.htmx.ajax("GET", address, { source: place, target: place, swap: "none" }).catch(() => {});
}

// What a broken connection missed is asked for.
document.addEventListener("push:reset", ask);
