// Short notes in the corner, read out by screen readers.

const SECONDS = 8;

export const texts = () => document.getElementById("texts")?.dataset ?? {};

export function toast(text, { isError = false } = {}) {
  const template = document.getElementById("toast-template");
  if (!template || !text) return;
  const note = template.content.firstElementChild.cloneNode(true);
  note.querySelector("p").textContent = text;
  note.classList.toggle("error", isError);
  note.querySelector("button").addEventListener("click", () => note.remove());
  document.getElementById("toasts").append(note);
  // Whoever points at a note is reading it.
  let timer = setTimeout(() => note.remove(), SECONDS * 1000);
  note.addEventListener("pointerenter", () => clearTimeout(timer));
  note.addEventListener("pointerleave", () => (timer = setTimeout(() => note.remove(), SECONDS * 1000)));
}
