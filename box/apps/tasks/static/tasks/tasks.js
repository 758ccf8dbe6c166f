// Tasks: the line above the list, lists that are ordered by hand, and the clock.

import { Live } from "../js/live.js";

// What was sent is gone from the line, and the next task is another one: a nonce of its own.
document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  const form = target.closest?.("[data-quick]");
  if (!form || target !== form || !detail.successful) return;
  form.querySelector("[name=line]").value = "";
  form.querySelector("[name=nonce]").value = crypto.randomUUID();
});

// Lines of a checklist, moved with the pointer by their grip, or by the menu beside each.
function place(item) {
  const before = item.previousElementSibling;
  window.htmx.ajax("POST", item.dataset.place, {
    source: item,
    target: "#task",
    swap: "outerHTML",
    values: { after: before?.dataset.item ?? "" },
  });
}

document.addEventListener("htmx:load", async ({ target }) => {
  const lists = target.parentElement?.querySelectorAll("[data-sortable]") ?? [];
  if (!lists.length) return;
  const { default: Sortable } = await import("../vendor/sortable.js");
  for (const list of lists) {
    if (Sortable.get(list)) continue;
    new Sortable(list, { handle: ".task-grip", animation: 150, onEnd: ({ item }) => place(item) });
  }
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-move]");
  const item = button?.closest("[data-item]");
  if (!item) return;
  const neighbour = button.dataset.move === "up" ? item.previousElementSibling : item.nextElementSibling;
  if (!neighbour) return;
  neighbour[button.dataset.move === "up" ? "before" : "after"](item);
  place(item);
});

// Enter adds the line; several are pasted.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches?.("[data-enter]")) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

// The clock in the bar: it stays while pages change, and shows what other tabs and devices have started.
class TaskClock extends Live {
  connectedCallback() {
    super.connectedCallback();
    this.ask({ isFirst: true });
  }

  isMine({ topic, kind }) {
    return topic === "tasks" && kind === "clock";
  }

  renew() {
    return window.htmx.ajax("GET", this.dataset.src, { source: this, target: this, swap: "innerHTML" });
  }
}
customElements.define("task-clock", TaskClock);
