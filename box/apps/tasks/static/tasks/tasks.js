// Tasks: the line above the list, and cards that follow what others do.

// What was sent is gone from the line, and the next task is another one: a nonce of its own.
document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  const form = target.closest?.("[data-quick]");
  if (!form || target !== form || !detail.successful) return;
  form.querySelector("[name=line]").value = "";
  form.querySelector("[name=nonce]").value = crypto.randomUUID();
});

// The card of a task is fetched anew where somebody else has changed it; not while one writes in it.
document.addEventListener("push:message", ({ detail: { topic, kind, payload } }) => {
  if (topic !== "tasks" || kind !== "changed" || String(payload.by) === document.body.dataset.user) return;
  const card = document.querySelector(`[data-task="${payload.id}"]`);
  if (!card || card.querySelector("details.drop[open]") || card.contains(document.activeElement)) return;
  window.htmx.trigger(card, "refresh");
});
