// Short notes in the corner, read out by screen readers.

const SECONDS = 10;

export const texts = () => document.getElementById("texts")?.dataset ?? {};

// `action` is a button in the note: { label, url, values }.
export function toast(text, { isError = false, action = null } = {}) {
  const template = document.getElementById("toast-template");
  if (!template || !text) return;
  const note = template.content.firstElementChild.cloneNode(true);
  note.querySelector("p").textContent = text;
  note.classList.toggle("error", isError);
  note.querySelector("button").addEventListener("click", () => note.remove());
  if (action) note.querySelector("button").before(button(action, note));
  const place = document.getElementById("toasts");
  place.append(note);
  raise(place);
  // Whoever points at a note is reading it.
  let timer = setTimeout(() => note.remove(), SECONDS * 1000);
  note.addEventListener("pointerenter", () => clearTimeout(timer));
  note.addEventListener("pointerleave", () => (timer = setTimeout(() => note.remove(), SECONDS * 1000)));
}

// Above everything, a dialog that has just been opened too: what was raised last is on top.
function raise(place) {
  place.hidePopover?.();
  place.showPopover?.();
}

function button({ label, url, values }, note) {
  const made = Object.assign(document.createElement("button"), {
    type: "button",
    className: "undo",
    textContent: label,
  });
  made.addEventListener("click", () => {
    note.remove();
    window.htmx.ajax("POST", url, { values, swap: "none" });
  });
  return made;
}
