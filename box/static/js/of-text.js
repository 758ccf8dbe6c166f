// What is made of something that was said, such as a task of a comment: of what is selected in it, where something is.

let selected = "";

// By the time of the click the selection is gone.
document.addEventListener("pointerdown", ({ target }) => {
  if (!target.closest("[data-of-text]")) return;
  selected = String(document.getSelection() ?? "")
    .trim()
    .slice(0, 2000);
});

document.addEventListener(
  "click",
  ({ target }) => {
    const link = target.closest("a[data-of-text]");
    if (!link || !selected) return;
    const address = new URL(link.href);
    address.searchParams.set("text", selected);
    link.href = address.pathname + address.search;
    selected = "";
  },
  { capture: true },
);
