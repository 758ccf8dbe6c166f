// Principals that one chooses (people, departments, groups, all employees), a chip each, and a search for more.
//
//   <principal-picker data-chosen='[{"code": "U1", "name": "Anna"}]' data-usual="[]">
//
// around a <template> of a chip with its hidden field, a button that opens the search (aria-controls), and the search:
// a .sheet with a field, and .options for the buttons that the portal answers, with data-code and data-name. What is
// chosen is part of the form's draft, and what is usual (data-usual) is back once that was sent. Where the form is
// rendered for each person and this is not, `data-chosen` and `data-usual` are the form's. With `data-one` each choice
// takes the place of the one before. `data-everyone` is what all employees are called.

const EVERYONE = "UA";

class PrincipalPicker extends HTMLElement {
  connectedCallback() {
    this.template = this.querySelector("template");
    this.more = this.querySelector("[aria-controls]");
    this.sheet = this.querySelector(".sheet");
    this.search = this.sheet.querySelector("input");
    this.listening = new AbortController();
    const given = this.closest("[data-chosen]").dataset;
    this.show(JSON.parse(given.chosen));

    const hear = (target, name, act) => target.addEventListener(name, act, { signal: this.listening.signal });
    hear(this.more, "click", () => this.open());
    hear(this.sheet, "click", ({ target }) => this.choose(target.closest("[data-code]")));
    hear(this, "keydown", ({ key }) => key === "Escape" && this.close());
    hear(document, "click", ({ target }) => target.isConnected && !this.contains(target) && this.close());
    // A form may ask for several: each keeps its own.
    const { name } = this.template.content.querySelector("input");
    const form = this.closest("form");
    hear(form, "draft:save", ({ detail }) => (detail[name] = [...this.chosen]));
    hear(form, "draft:restore", ({ detail }) => detail[name]?.length && this.show(this.translated(detail[name])));
    hear(form, "draft:dropped", () => this.show(JSON.parse(given.usual)));
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  /** The chips stand before the button. */
  show(chosen) {
    this.chosen = chosen;
    for (const chip of this.querySelectorAll(".chip-choice")) chip.remove();
    this.more.before(...chosen.map((one) => this.chip(one)));
  }

  chip({ code, name }) {
    const chip = this.template.content.firstElementChild.cloneNode(true);
    chip.querySelector("span").textContent = name;
    chip.querySelector("input").value = code;
    const button = chip.querySelector("button");
    // What a screen reader says: "Remove" is the template's.
    button.setAttribute("aria-label", `${button.getAttribute("aria-label")} ${name}`);
    button.addEventListener("click", () => this.change(this.chosen.filter((one) => one.code !== code)));
    return chip;
  }

  // A draft may have been begun in another language. What all are called is ours to say; other names are their own.
  translated(chosen) {
    const { everyone } = this.dataset;
    return chosen.map((one) => (one.code === EVERYONE && everyone ? { ...one, name: everyone } : one));
  }

  open() {
    this.toggle(true);
    this.search.focus();
    this.search.dispatchEvent(new Event("input", { bubbles: true }));
  }

  close() {
    this.toggle(false);
  }

  toggle(isOpen) {
    this.sheet.hidden = !isOpen;
    this.more.setAttribute("aria-expanded", String(isOpen));
  }

  // "All employees" contains everybody: beside it nothing else needs to be said.
  choose(button) {
    if (!button) return;
    const { code, name } = button.dataset;
    const others = this.chosen.filter((one) => one.code !== code && one.code !== EVERYONE);
    this.close();
    this.search.value = "";
    this.change(code === EVERYONE || "one" in this.dataset ? [{ code, name }] : [...others, { code, name }]);
  }

  /** The person has changed it: the chip that had the focus may be gone, and the draft hears of it. */
  change(chosen) {
    this.show(chosen);
    this.more.focus();
    this.dispatchEvent(new CustomEvent("draft:changed", { bubbles: true }));
  }
}

customElements.define("principal-picker", PrincipalPicker);
