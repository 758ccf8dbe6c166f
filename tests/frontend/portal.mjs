// What tests say of a page: how it begins, who is signed in, what the portal answers.

import { mock } from "node:test";

const TEXTS = {
  failed: "It did not work.",
  offline: "No connection.",
  tooManyFiles: "Too many files.",
  draftNewer: "A newer draft of",
  draftTake: "Take it",
  draftKeep: "Keep mine",
};

/** A page of the portal with `main` in it, that `user` looks at. */
export function page(main = "", { user = "7", lang = "en" } = {}) {
  htmx.asked.length = htmx.triggered.length = 0;
  htmx.answer = null;
  document.documentElement.lang = lang;
  // As browsers do it: an element comes into the page with all that is in it.
  const parts = document.createElement("template");
  parts.innerHTML = `
    <div id="view"><main id="main" data-section="feed">${main}</main></div>
    <div id="texts"></div><div id="toasts"></div>
    <template id="toast-template"><div class="toast"><p></p><button type="button">×</button></div></template>`;
  document.body.replaceChildren(document.importNode(parts.content, true));
  Object.assign(document.getElementById("texts").dataset, TEXTS);
  Object.assign(document.body.dataset, { user, signIn: "/sign-in/" });
  document.body.setAttribute("hx-headers", '{"X-CSRFToken": "token"}');
}

export const main = () => document.getElementById("main");
export const find = (selector) => document.querySelector(selector);
export const toasts = () => [...document.querySelectorAll(".toast p")].map((one) => one.textContent);

/** Says an event as htmx, the push service or the browser says it. */
export function say(name, detail = {}, target = document, more = {}) {
  const event = new CustomEvent(name, { detail, bubbles: true, cancelable: true });
  for (const [key, value] of Object.entries(more)) Object.defineProperty(event, key, { value });
  target.dispatchEvent(event);
  return event;
}

export function press(target, key, more = {}) {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

export function type(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

export const told = (topic, kind, payload = {}) => say("push:message", { topic, kind, payload });

/** Lets everything happen that waits for nothing but its turn. */
export async function settled() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** Stands for the portal behind fetch(): `answers` are functions of (url, options), the first that says something. */
export function portal(...answers) {
  const asked = [];
  globalThis.fetch = window.fetch = async (url, options = {}) => {
    const question = {
      url: String(url),
      method: options.method ?? "GET",
      body: options.body,
      headers: options.headers,
    };
    asked.push(question);
    options.signal?.throwIfAborted();
    for (const answer of answers) {
      const said = await answer(question);
      if (said) return said;
    }
    return reply({}, 404);
  };
  return asked;
}

export function reply(body, status = 200, headers = {}) {
  return {
    ok: status >= 200 && status < 300,
    status,
    type: "basic",
    redirected: false,
    headers: { get: (name) => headers[name] ?? null },
    json: async () => {
      if (typeof body === "string") throw new SyntaxError("not JSON");
      return structuredClone(body);
    },
    text: async () => (typeof body === "string" ? body : JSON.stringify(body)),
  };
}

/** A clock that goes when it is told to. */
export function clock(now = Date.parse("2026-11-26T10:00:00Z")) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now });
  return mock.timers;
}

/** Passes `milliseconds`, letting what was waited for happen before and after. */
export async function pass(milliseconds) {
  await settled();
  mock.timers.tick(milliseconds);
  await settled();
}

/** Where a script sends the browser to. */
export function leaving() {
  const places = [];
  mock.method(location, "assign", (address) => places.push(String(address)));
  return places;
}
