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

// A like is there as soon as it is given, and taken back if the box refuses it.
const given = new WeakMap();
const pressed = (button) => button.getAttribute("aria-pressed") === "true";
const count = (button) => button.querySelector(".number");

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const form = detail.requestConfig.elt;
  const chosen = detail.requestConfig.triggeringEvent?.submitter;
  if (!form.matches(".reaction") || !chosen) return;
  const buttons = [...form.querySelectorAll("button")];
  given.set(form, buttons.map((button) => [button, pressed(button), count(button).textContent]));
  for (const button of buttons) {
    const before = pressed(button);
    const now = button === chosen && !before;
    button.setAttribute("aria-pressed", String(now));
    count(button).textContent = Number(count(button).textContent) + now - before || "";
  }
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const before = given.get(detail.requestConfig.elt);
  if (!before || detail.successful) return;
  for (const [button, was, text] of before) {
    button.setAttribute("aria-pressed", String(was));
    count(button).textContent = text;
  }
});
