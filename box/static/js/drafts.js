// Half-written text is never lost: it is kept in this browser, by form and by person, until it was accepted.
//
// A form takes part with data-draft="name". Parts that are more than a text field take part through two
// events: on `draft:save` they add to event.detail, on `draft:restore` they take their share out of it.

const AGE = 30 * 24 * 3600 * 1000;
const PREFIX = "draft:";

const keyOf = (form) => `${PREFIX}${document.body.dataset.user}:${form.dataset.draft}`;
const fieldsOf = (form) => [...form.querySelectorAll("textarea[name], input[type=text][name]")];

export function save(form) {
  const fields = Object.fromEntries(fieldsOf(form).map((field) => [field.name, field.value]));
  const detail = {};
  form.dispatchEvent(new CustomEvent("draft:save", { detail }));
  const isEmpty = Object.values(fields).every((value) => !value.trim()) && !detail.files?.length;
  if (isEmpty) return drop(form);
  try {
    localStorage.setItem(keyOf(form), JSON.stringify({ fields, detail, at: Date.now() }));
  } catch {
    // A full or forbidden storage keeps nothing; the text is still in the form.
  }
}

export function drop(form) {
  localStorage.removeItem(keyOf(form));
}

function restore(form) {
  const kept = read(keyOf(form));
  if (!kept || form.dataset.restored) return;
  form.dataset.restored = "yes";
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
document.addEventListener("draft:changed", ({ target }) => target.closest("form[data-draft]") && save(target.closest("form[data-draft]")));

document.addEventListener("htmx:afterRequest", ({ detail, target }) => {
  const form = detail.elt.closest?.("form[data-draft]") ?? target;
  if (detail.successful && detail.xhr.status < 300 && detail.requestConfig.verb === "post" && form.dataset?.draft) {
    drop(form);
    form.reset();
    form.dispatchEvent(new CustomEvent("draft:dropped", { bubbles: true }));
  }
});

export function restoreAll(root = document) {
  // After the components inside the forms have come alive.
  queueMicrotask(() => within(root).forEach(restore));
}

document.addEventListener("htmx:load", ({ target }) => restoreAll(target === document.body ? document : target.parentElement ?? document));
if (document.readyState !== "loading") restoreAll();

// Old drafts go, of whoever wrote them.
for (const key of Object.keys(localStorage)) {
  if (key.startsWith(PREFIX) && Date.now() - (read(key)?.at ?? 0) > AGE) localStorage.removeItem(key);
}
