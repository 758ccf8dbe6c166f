// All emoji, by group and by word, fetched when somebody wants them.
//
//   <emoji-choice data-src="emoji-ru.json">  with a button [data-more], a hidden part with a search field, a
//   .emoji-grid, and a <template> of the button that gives one

const DELAY = 100;
const loaded = new Map();
const read = (src) =>
  loaded.get(src) ??
  loaded
    .set(
      src,
      fetch(src).then((answer) => answer.json()),
    )
    .get(src);

class EmojiChoice extends HTMLElement {
  connectedCallback() {
    this.all = this.querySelector(".emoji-all");
    this.grid = this.querySelector(".emoji-grid");
    this.field = this.querySelector("input");
    this.template = this.querySelector("template");
    this.querySelector("[data-more]").addEventListener("click", ({ currentTarget }) => this.open(currentTarget));
    this.field.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.show(), DELAY);
    });
    this.addEventListener("keydown", (event) => this.move(event));
  }

  async open(button) {
    try {
      this.groups = await read(this.dataset.src);
    } catch {
      // Without a connection the usual ones are still there; the next press asks anew.
      loaded.delete(this.dataset.src);
      return;
    }
    button.hidden = true;
    this.all.hidden = false;
    this.show();
    this.field.focus();
  }

  show() {
    const words = this.field.value.toLowerCase().trim().split(/\s+/);
    const fits = ([, label, tags]) => words.every((word) => `${label} ${tags}`.toLowerCase().includes(word));
    const parts = [];
    for (const [title, all] of this.groups) {
      const found = all.filter(fits);
      if (!found.length) continue;
      const head = Object.assign(document.createElement("div"), { className: "caption", textContent: title });
      const row = Object.assign(document.createElement("div"), { className: "emoji-row" });
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", title);
      row.append(...found.map((one) => this.button(one)));
      parts.push(head, row);
    }
    if (!parts.length) {
      parts.push(
        Object.assign(document.createElement("div"), { className: "caption", textContent: this.dataset.nothing }),
      );
    }
    this.grid.replaceChildren(...parts);
    this.buttons[0]?.setAttribute("tabindex", "0");
    window.htmx.process(this.grid);
  }

  button([emoji, label]) {
    const button = this.template.content.firstElementChild.cloneNode();
    Object.assign(button, { value: emoji, textContent: emoji, title: label });
    button.setAttribute("aria-label", label);
    return button;
  }

  get buttons() {
    return [...this.grid.querySelectorAll("button")];
  }

  // One stop of the Tab key; arrows walk, up and down by what stands above and below.
  move(event) {
    const buttons = this.buttons;
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown" && document.activeElement === this.field) return this.go(event, buttons[0]);
    if (at < 0) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (event.key in steps) this.go(event, buttons[at + steps[event.key]]);
    if (event.key === "ArrowDown") this.go(event, this.near(buttons.slice(at + 1), 1));
    if (event.key === "ArrowUp") this.go(event, this.near(buttons.slice(0, at).reverse(), -1) ?? this.field);
  }

  near(candidates, way) {
    const from = document.activeElement.getBoundingClientRect();
    const next = candidates.find((one) => (one.getBoundingClientRect().top - from.top) * way > 1);
    const line = next?.getBoundingClientRect().top;
    const onLine = candidates.filter((one) => Math.abs(one.getBoundingClientRect().top - line) < 1);
    const distance = (one) => Math.abs(one.getBoundingClientRect().left - from.left);
    return onLine.sort((one, other) => distance(one) - distance(other))[0];
  }

  go(event, target) {
    if (!target) return;
    event.preventDefault();
    for (const one of this.grid.querySelectorAll("[tabindex='0']")) one.tabIndex = -1;
    if (target !== this.field) target.tabIndex = 0;
    target.focus();
  }
}

customElements.define("emoji-choice", EmojiChoice);
