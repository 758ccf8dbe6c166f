// A list by keyboard and its selection. All of it is marked in the page (see lists/ui.html), so that it works for
// whatever list is swapped in.

const list = () => document.getElementById("list");
const rows = () => [...(list()?.querySelectorAll("tbody tr[data-row]") ?? [])];
const boxes = () => rows().map(boxOf).filter(Boolean);
const boxOf = (row) => row?.querySelector("input[name=row]");

// The row that j and k go on from: the one that holds the focus, or held it last.
const current = () => document.activeElement?.closest?.("#list tr[data-row]") ?? list()?.querySelector("tr[data-at]");

const isTyping = ({ target, ctrlKey, altKey, metaKey }) =>
  ctrlKey ||
  altKey ||
  metaKey ||
  target.closest?.("textarea, select, [contenteditable], dialog[open], .sheet") ||
  target.matches?.("input:not([type=checkbox])");

const KEYS = {
  j: () => go(1),
  k: () => go(-1),
  ArrowDown: () => current() === document.activeElement && go(1),
  ArrowUp: () => current() === document.activeElement && go(-1),
  x: () => toggle(current(), false),
  X: () => toggle(current(), true),
  Enter: () => current() === document.activeElement && open(current()),
  "?": () => document.getElementById("list-keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (!list() || event.defaultPrevented || isTyping(event)) return;
  if (KEYS[event.key]?.()) event.preventDefault();
});

function go(steps) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(current());
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + steps))];
  for (const row of all) row.removeAttribute("data-at");
  next.setAttribute("data-at", "");
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function open(row) {
  row.querySelector("a[href]")?.click();
  return true;
}

// Selection

let last = null;

function toggle(row, isRange) {
  const box = boxOf(row);
  if (!box) return false;
  box.checked = !box.checked;
  selected(box, isRange);
  return true;
}

// All between the last box that was set and this one become as this one is.
function selected(box, isRange) {
  const all = boxes();
  const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
  if (isRange && from >= 0) for (const one of all.slice(from, to + 1)) one.checked = box.checked;
  last = box;
  count();
}

function count() {
  const all = boxes();
  const chosen = all.filter(({ checked }) => checked).length;
  const head = list()?.querySelector("[data-list-all]");
  if (head) {
    head.checked = chosen > 0 && chosen === all.length;
    head.indeterminate = chosen > 0 && chosen < all.length;
  }
  const told = list()?.querySelector("[data-list-count]");
  if (!told) return;
  const forms = JSON.parse(told.dataset.listCount);
  const form = forms[new Intl.PluralRules(document.documentElement.lang).select(chosen)] ?? Object.values(forms)[0];
  told.textContent = chosen ? form.replace("{}", String(chosen)) : "";
  const match = list().querySelector("[data-list-match]");
  match.hidden = !(head?.checked && list().querySelector(".list-more"));
  if (match.hidden) match.querySelector("input").checked = false;
}

document.addEventListener("click", (event) => {
  if (event.target.matches?.("#list input[name=row]")) selected(event.target, event.shiftKey);
});
document.addEventListener("change", ({ target }) => {
  if (!target.matches?.("[data-list-all]")) return;
  for (const box of boxes()) box.checked = target.checked;
  last = null;
  count();
});

// More rows have come, or the list anew: then what was done is read out, for the button that did it is gone.
document.addEventListener("htmx:afterSwap", () => {
  if (!list()) return;
  if (last && !last.isConnected) last = null;
  count();
});
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target?.id === "list") list()?.querySelector("[data-list-outcome]")?.focus();
});

// Objects for a filter: what is set among those that were found stays when one looks for another.

document.addEventListener("change", ({ target }) => {
  const found = target.closest?.("[data-list-found]");
  if (!found || !target.checked) return;
  const place = found.closest("[data-list-pick]");
  const known = [...place.querySelectorAll(":scope > label input")].find(({ value }) => value === target.value);
  const choice = target.closest("label");
  if (known) {
    known.checked = true;
    choice.remove();
    known.focus();
  } else {
    place.querySelector("input[type=search]").before(choice);
    target.focus();
  }
});

// In the address stands what chooses something, so that it can be sent to a colleague.

document.addEventListener("formdata", ({ target, formData }) => {
  if (target.id !== "list-form") return;
  for (const name of new Set(formData.keys())) {
    const chosen = formData.getAll(name).filter(Boolean);
    formData.delete(name);
    for (const value of chosen) formData.append(name, value);
  }
});

// A group that goes on with the next page has its heading already.

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (!elt.matches?.("tr.list-part")) return;
  let before = elt.previousElementSibling;
  while (before && !before.matches(".list-part")) before = before.previousElementSibling;
  if (before?.textContent === elt.textContent) elt.remove();
});

// The order of columns is the order in which they are sent.

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-list-up]");
  const item = button?.closest("li");
  if (!item?.previousElementSibling) return;
  item.previousElementSibling.before(item);
  button.focus();
});

// A cell that is changed where it stands: it takes the cursor at once, and gives back what was there.

const kept = new WeakMap();
document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  if (target?.matches?.("td.list-edit") && !kept.has(target)) kept.set(target, target.innerHTML);
});
document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  if (target?.matches?.("td.list-edit")) target.querySelector("input:not([type=hidden]), select, textarea")?.focus();
});
document.addEventListener("click", ({ target }) => {
  if (target.closest?.("[data-list-leave]")) leaveCell(target.closest("td.list-edit"));
});
document.addEventListener("keydown", ({ key, target }) => {
  if (key === "Escape") leaveCell(target.closest?.(".list-editing")?.closest("td.list-edit"));
});

function leaveCell(cell) {
  if (!cell || !kept.has(cell)) return;
  cell.innerHTML = kept.get(cell);
  kept.delete(cell);
  window.htmx.process(cell);
  cell.querySelector("a")?.focus();
}
