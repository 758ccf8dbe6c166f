// The feed's own small things.

// A text field is as tall as its text.
const grow = ({ target }) => {
  if (!target.matches?.("textarea[data-grow]") || CSS.supports("field-sizing", "content")) return;
  target.style.height = "auto";
  target.style.height = `${target.scrollHeight + 2}px`;
};
document.addEventListener("input", grow);
document.addEventListener("restored", grow);

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
