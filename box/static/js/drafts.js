// Half-written text is never lost: it is kept in this browser, by form and by person, until it was accepted.
// A form with data-draft-url is kept on the box as well, with a pause, for the person's other browsers. Of two
// the newer one is taken; where both have gone on, the person is asked.
//
// A form takes part with data-draft="name". Parts that are more than a text field take part through two
// events: on `draft:save` they add to event.detail, on `draft:restore` they take their share out of it.

import { texts } from "./toasts.js";

const AGE = 30 * 24 * 3600 * 1000;
const PREFIX = "draft:";

const keyOf = (form) => `${PREFIX}${document.body.dataset.user}:${form.dataset.draft}`;
const fieldsOf = (form) => [...form.querySelectorAll("textarea[name], input[type=text][name]")];

function save(form) {
  // A form that is just being built speaks up before it has got back what was kept for it.
  if (!form.dataset.restored) return;
  const fields = Object.fromEntries(fieldsOf(form).map((field) => [field.name, field.value]));
  const detail = {};
  form.dispatchEvent(new CustomEvent("draft:save", { detail }));
  const isEmpty = Object.values(fields).every((value) => !value.trim()) && !detail.files?.length;
  if (isEmpty) return drop(form);
  write(form, { fields, detail, at: Date.now(), base: baseOf(form), isSent: false });
  sendLater(form);
}

function write(form, kept) {
  try {
    localStorage.setItem(keyOf(form), JSON.stringify(kept));
  } catch {
    // A full or forbidden storage keeps nothing; the text is still in the form.
  }
}

function drop(form, isAccepted = false) {
  const wasKept = localStorage.getItem(keyOf(form)) !== null;
  localStorage.removeItem(keyOf(form));
  clearTimeout(timers.get(form));
  form.querySelector(".draft-choice")?.remove();
  // What was sent the box forgets by itself, with the sending.
  if (form.dataset.draftUrl && wasKept && !isAccepted)
    fetch(form.dataset.draftUrl, { method: "DELETE", headers: headers() }).catch(() => {});
}

// On the box.

const PAUSE = 1500;
const timers = new WeakMap();
// Forms that are being sent. Their drafts stay here meanwhile: one that came to the box after the form itself would
// bring back what was sent.
const underWay = new WeakSet();
const headers = () => ({
  ...JSON.parse(document.body.getAttribute("hx-headers") ?? "{}"),
  "Content-Type": "application/json",
});
const baseOf = (form) => Number(read(keyOf(form))?.base ?? form.dataset.draftBase ?? 0);

function browserName() {
  const name = localStorage.getItem("draft-browser") ?? crypto.randomUUID();
  localStorage.setItem("draft-browser", name);
  return name;
}

function sendLater(form) {
  if (!form.dataset.draftUrl || form.querySelector(".draft-choice")) return;
  clearTimeout(timers.get(form));
  timers.set(
    form,
    setTimeout(() => send(form), PAUSE),
  );
}

async function send(form) {
  if (underWay.has(form)) return sendLater(form);
  const kept = read(keyOf(form));
  if (!kept || kept.isSent) return;
  const body = JSON.stringify({
    content: { fields: kept.fields, detail: kept.detail },
    browser: browserName(),
    base: kept.base ?? 0,
  });
  // Without an answer the browser's own copy is what there is; the next change tries again.
  const answer = await fetch(form.dataset.draftUrl, { method: "POST", headers: headers(), body }).catch(() => null);
  if (answer?.status === 409) return choose(form, await answer.json());
  if (!answer?.ok) return;
  const { version } = await answer.json();
  const now = read(keyOf(form));
  // Sent meanwhile: there is no draft any more, and the box may have forgotten its own before this one came.
  if (!now) return fetch(form.dataset.draftUrl, { method: "DELETE", headers: headers() }).catch(() => {});
  write(form, { ...now, base: version, isSent: now.at === kept.at });
}

async function compare(form) {
  const answer = await fetch(form.dataset.draftUrl, { headers: headers(), redirect: "manual" }).catch(() => null);
  if (!answer?.ok || !form.isConnected) return;
  const theirs = await answer.json();
  const own = read(keyOf(form));
  if (!theirs.version) {
    // The other browser has sent it, or it never got there.
    if (own?.isSent) {
      take(form, { fields: {}, detail: {} });
      localStorage.removeItem(keyOf(form));
    } else if (own) sendLater(form);
    return;
  }
  if (own && theirs.version === own.base) return own.isSent ? undefined : sendLater(form);
  if (theirs.browser === browserName() && own) {
    write(form, { ...own, base: theirs.version });
    return sendLater(form);
  }
  if (own ? own.isSent : fieldsOf(form).every(({ value }) => !value.trim()))
    return take(form, theirs.content, theirs.version);
  choose(form, theirs);
}

// Puts it into the form, in place of what is there.
function take(form, { fields, detail }, version = 0) {
  form.dispatchEvent(new CustomEvent("draft:dropped"));
  for (const field of fieldsOf(form)) {
    field.value = fields[field.name] ?? "";
    field.dispatchEvent(new Event("restored", { bubbles: true }));
  }
  form.dispatchEvent(new CustomEvent("draft:restore", { detail: detail ?? {} }));
  form.dataset.draftBase = version;
  if (version) write(form, { fields, detail, at: Date.now(), base: version, isSent: true });
}

function choose(form, theirs) {
  form.querySelector(".draft-choice")?.remove();
  const note = document.createElement("div");
  note.className = "draft-choice notice";
  note.setAttribute("role", "alert");
  const said = Object.assign(document.createElement("p"), { textContent: `${texts().draftNewer} ${theirs.saved}` });
  const button = (text, act) => {
    const made = Object.assign(document.createElement("button"), {
      type: "button",
      className: "btn btn-quiet",
      textContent: text,
    });
    made.addEventListener("click", () => {
      note.remove();
      act();
    });
    return made;
  };
  note.append(
    said,
    button(texts().draftTake, () => take(form, theirs.content, theirs.version)),
    button(texts().draftKeep, () => {
      write(form, { ...read(keyOf(form)), base: theirs.version, isSent: false });
      send(form);
    }),
  );
  form.prepend(note);
}

function restore(form) {
  if (form.dataset.restored) return;
  form.dataset.restored = "yes";
  const kept = read(keyOf(form));
  if (form.dataset.draftUrl) compare(form);
  if (!kept) return;
  for (const field of fieldsOf(form)) {
    // What the server put back after a refusal is newer than what was kept.
    if (!field.value && kept.fields[field.name]) field.value = kept.fields[field.name];
    field.dispatchEvent(new Event("restored", { bubbles: true }));
  }
  form.dispatchEvent(new CustomEvent("draft:restore", { detail: kept.detail }));
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

const within = (root) => root.querySelectorAll?.("form[data-draft]") ?? [];

document.addEventListener("input", ({ target }) => {
  const form = target.closest?.("form[data-draft]");
  if (form) save(form);
});
document.addEventListener(
  "draft:changed",
  ({ target }) => target.closest("form[data-draft]") && save(target.closest("form[data-draft]")),
);

const isSending = ({ requestConfig: { elt, verb } }) => verb === "post" && elt.dataset.draft;

document.addEventListener(
  "htmx:beforeRequest",
  ({ detail }) => isSending(detail) && underWay.add(detail.requestConfig.elt),
);
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  // The form itself may have left the page with this answer.
  const form = detail.requestConfig.elt;
  underWay.delete(form);
  if (!detail.successful || !isSending(detail)) return;
  drop(form, true);
  // Not reset(): what a refusal had put back would return once more.
  for (const field of fieldsOf(form)) field.value = "";
  form.dispatchEvent(new CustomEvent("draft:dropped"));
});

function restoreAll(root = document) {
  // After the components inside the forms have come alive.
  queueMicrotask(() => within(root).forEach(restore));
}

document.addEventListener("htmx:load", ({ target }) =>
  restoreAll(target === document.body ? document : (target.parentElement ?? document)),
);
if (document.readyState !== "loading") restoreAll();

// Old drafts go, of whoever wrote them.
for (const key of Object.keys(localStorage)) {
  if (key.startsWith(PREFIX) && Date.now() - (read(key)?.at ?? 0) > AGE) localStorage.removeItem(key);
}
