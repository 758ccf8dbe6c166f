// Half-written text is never lost: it is kept in this browser, by form and by person, until it was accepted.
//
// A form takes part with data-draft="name". Parts that are more than a text field take part through two
// events: on `draft:save` they add to event.detail, on `draft:restore` they take their share out of it.

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
  try {
    localStorage.setItem(keyOf(form), JSON.stringify({ fields, detail, at: Date.now() }));
  } catch {
    // A full or forbidden storage keeps nothing; the text is still in the form.
  }
}

function drop(form) {
  localStorage.removeItem(keyOf(form));
}

function restore(form) {
  if (form.dataset.restored) return;
  form.dataset.restored = "yes";
  const kept = read(keyOf(form));
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
document.addEventListener("draft:changed", ({ target }) => target.closest("form[data-draft]") && save(target.closest("form[data-draft]")));

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  // The form itself may have left the page with this answer.
  const form = detail.requestConfig.elt;
  if (!detail.successful || detail.requestConfig.verb !== "post" || !form.dataset.draft) return;
  drop(form);
  // Not reset(): what a refusal had put back would return once more.
  for (const field of fieldsOf(form)) field.value = "";
  form.dispatchEvent(new CustomEvent("draft:dropped"));
});

function restoreAll(root = document) {
  // After the components inside the forms have come alive.
  queueMicrotask(() => within(root).forEach(restore));
}

document.addEventListener("htmx:load", ({ target }) => restoreAll(target === document.body ? document : target.parentElement ?? document));
if (document.readyState !== "loading") restoreAll();

// Old drafts go, of whoever wrote them.
for (const key of Object.keys(localStorage)) {
  if (key.startsWith(PREFIX) && Date.now() - (read(key)?.at ?? 0) > AGE) localStorage.removeItem(key);
}
