// The feed's own small things.

// Counts change in place: numbers move nothing.
document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  if (topic !== "feed" || kind !== "reactions") return;
  for (const name of ["likes", "dislikes"]) {
    for (const place of document.querySelectorAll(`[data-${name}="${payload.post}"]`)) {
      place.textContent = payload[name] || "";
    }
  }
});

// A text field is as tall as its text.
const grow = ({ target }) => {
  if (!target.matches?.("textarea[data-grow]") || CSS.supports("field-sizing", "content")) return;
  target.style.height = "auto";
  target.style.height = `${target.scrollHeight + 2}px`;
};
document.addEventListener("input", grow);
document.addEventListener("restored", grow);
