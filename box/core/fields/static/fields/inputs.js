// Inputs of fields that a company defines.
//
//   <more-inputs><input ...></more-inputs>       as soon as the last is filled in there is another one
//   <input list="x" data-options="/address/">    what is typed is looked for there, and offered

const DELAY = 150;

class MoreInputs extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", () => this.grow());
  }

  get inputs() {
    return [...this.querySelectorAll(":scope > input")];
  }

  grow() {
    const last = this.inputs.at(-1);
    if (!last?.value) return;
    const next = last.cloneNode();
    next.value = "";
    next.removeAttribute("value");
    next.removeAttribute("aria-describedby");
    next.id = `${this.inputs[0].id}-${this.inputs.length}`;
    next.setAttribute("aria-label", this.inputs[0].labels?.[0]?.textContent.trim() ?? "");
    last.after(next);
  }
}

customElements.define("more-inputs", MoreInputs);

let waiting = 0;

document.addEventListener("input", ({ target }) => {
  if (!target.matches?.("input[data-options]")) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => offer(target), DELAY);
});

async function offer(input) {
  const asked = input.value.trim();
  const list = document.getElementById(input.getAttribute("list"));
  // What was chosen of the list is typed, too.
  if (!asked || [...list.options].some(({ value }) => value === input.value)) return;
  const answer = await fetch(`${input.dataset.options}?${new URLSearchParams({ q: asked })}`, {
    headers: { "HX-Request": "true" },
    redirect: "manual",
  }).catch(() => null);
  if (answer?.ok && input.value.trim() === asked) list.innerHTML = await answer.text();
}

// The form that defines a field asks for what its kind has: <form data-field-kinds> with `data-kinds` on inputs.
function limit(form) {
  const { value } = form.elements.kind;
  for (const input of form.querySelectorAll("[data-kinds]")) {
    input.closest(".fields > *").hidden = !input.dataset.kinds.split(" ").includes(value);
  }
}

const limitAll = () => document.querySelectorAll("form[data-field-kinds]").forEach(limit);

document.addEventListener("change", ({ target }) => {
  const form = target.form;
  if (form && "fieldKinds" in form.dataset && target.name === "kind") limit(form);
});
document.addEventListener("htmx:afterSettle", limitAll);
document.addEventListener("submit", (event) => {
  if ("preview" in event.target.dataset) event.preventDefault();
});
limitAll();
