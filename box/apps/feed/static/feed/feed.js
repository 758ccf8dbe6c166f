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

// The same for emoji: those that others give come at the end of the row.
document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  if (topic !== "feed" || kind !== "emoji") return;
  for (const foot of document.querySelectorAll(`[id="foot-${payload.post}"]`)) showEmoji(foot, payload.counts);
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
  const chosen = detail.requestConfig.elt;
  if (!chosen.matches(".post-foot button[name=value]")) return;
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
  const form = button?.closest(".comments")?.querySelector("form[data-draft^=comment]");
  if (!form) return;
  form.elements.parent.value = button.dataset.reply;
  const line = form.querySelector(".replying");
  line.hidden = !button.dataset.reply;
  line.querySelector("[data-whom]").textContent = line.dataset.template.replace("{}", button.dataset.name ?? "");
  form.querySelector("[contenteditable], textarea").focus();
});

// What was hidden goes out of sight, and a menu that was used closes.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const menu = detail.elt.closest?.("details.drop");
  if (menu && detail.successful && detail.requestConfig.verb === "post") menu.open = false;
});

// The results of a poll change in place.
document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  if (topic !== "feed" || kind !== "poll") return;
  for (const place of document.querySelectorAll(`[data-voters="${payload.post}"]`)) place.textContent = payload.voters;
  for (const [option, votes] of Object.entries(payload.votes)) {
    for (const place of document.querySelectorAll(`[data-votes="${option}"]`)) place.textContent = votes;
    for (const bar of document.querySelectorAll(`[data-votes-bar="${option}"]`)) {
      bar.max = payload.voters || 1;
      bar.value = votes;
    }
  }
});

// What was asked beside the text goes with it.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt.id !== "composer" || !detail.successful || detail.requestConfig.verb !== "post") return;
  for (const field of detail.elt.querySelectorAll(".composer-more input")) field.checked = field.value = "";
  for (const box of detail.elt.querySelectorAll(".composer-more [type=checkbox]")) box.value = "on";
  detail.elt.querySelector(".composer-more").open = false;
});
