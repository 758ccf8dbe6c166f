// What is said below an object, and what people make of it.

// Counts change in place: numbers move nothing.
document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  if (topic !== "discussion" || kind !== "reactions") return;
  for (const name of ["likes", "dislikes"]) {
    for (const place of document.querySelectorAll(`[data-${name}="${payload.thread}"]`)) {
      place.textContent = payload[name] || "";
    }
  }
});

// The same for emoji: those that others give come at the end of the row.
document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  if (topic !== "discussion" || kind !== "emoji") return;
  for (const foot of document.querySelectorAll(`[id="foot-${payload.thread}"]`)) showEmoji(foot, payload.counts);
});

function showEmoji(foot, counts) {
  const left = new Map(Object.entries(counts));
  for (const button of foot.querySelectorAll(":scope > .emoji")) {
    const number = left.get(button.value);
    if (number) button.querySelector(".number").textContent = number;
    else button.remove();
    left.delete(button.value);
  }
  const place = foot.querySelector(".emoji-drop");
  const address = place.querySelector(".sheet").dataset.from || place.querySelector("a").getAttribute("href");
  for (const [emoji, number] of left) {
    const button = Object.assign(document.createElement("button"), {
      name: "emoji",
      value: emoji,
      className: "act emoji",
    });
    for (const [name, value] of Object.entries({ form: "bare", formaction: address, "aria-pressed": "false" }))
      button.setAttribute(name, value);
    button.append(
      `${emoji} `,
      Object.assign(document.createElement("span"), { className: "number", textContent: number }),
    );
    place.before(button);
  }
}

// A like is there as soon as it is given, and taken back if the box refuses it.
const given = new WeakMap();
const pressed = (button) => button.getAttribute("aria-pressed") === "true";
const count = (button) => button.querySelector(".number");

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const chosen = detail.requestConfig.elt;
  if (!chosen.matches(".talk-foot button[name=value]")) return;
  const buttons = [...chosen.parentElement.querySelectorAll("button[name=value]")];
  given.set(
    chosen,
    buttons.map((button) => [button, pressed(button), count(button).textContent]),
  );
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

// Whoever asks for the comments may write one.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (!detail.requestConfig?.elt.matches("[data-comments]")) return;
  const place = document.getElementById(detail.requestConfig.target.id);
  place?.querySelector("[contenteditable], textarea")?.focus();
});

// An answer to one comment: the form below says to whom.
document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-reply]");
  const form = button?.closest(".comments")?.querySelector("form[data-answer]");
  if (!form) return;
  answerTo(form, button.dataset.reply, button.dataset.name);
  form.querySelector("[contenteditable], textarea").focus();
});

function answerTo(form, comment, name = "") {
  form.elements.parent.value = comment;
  const line = form.querySelector(".replying");
  line.hidden = !comment;
  line.querySelector("[data-whom]").textContent = line.dataset.template.replace("{}", name);
}

// The form stays for the next comment, which answers nobody until somebody is chosen.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.requestConfig.elt;
  if (!detail.successful || !form.matches?.("form[data-answer]")) return;
  form.querySelector(".form-error")?.remove();
  answerTo(form, "");
});

// Of what came twice, with what was answered since and again with what was said before, the first stays.
document.addEventListener("htmx:afterSettle", ({ target }) => {
  const seen = new Set();
  for (const one of target.closest?.(".said")?.querySelectorAll(".comment, .replies") ?? []) {
    if (seen.has(one.id)) one.remove();
    seen.add(one.id);
  }
});
