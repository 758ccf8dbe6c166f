// The number on the bell: how much there is that this person should know.

import { turn } from "./push.js";

document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  const place = document.getElementById("bell-count");
  if (place && topic === "notify" && kind === "count") place.textContent = payload.unread || "";
});

async function ask() {
  await turn();
  const address = document.getElementById("bell")?.dataset.unread;
  // Asked by the number, not by the link around it: a boosted link is answered with a page, in place of this one.
  const place = document.getElementById("bell-count");
  if (address && place)
    window.htmx.ajax("GET", address, { source: place, target: place, swap: "none" }).catch(() => {});
}

// What came between rendering and listening, and what a broken connection missed, is asked for.
document.addEventListener("push:hello", ask, { once: true });
document.addEventListener("push:reset", ask);
