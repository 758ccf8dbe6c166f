// A poll's answers, a field each.
//
//   <poll-answers data-answer="Answer {}">  around a text field with one a line, which is what is sent and kept as
//                                           a draft; and a <template> of a row
//
// The last row is empty: whoever writes into it gets the next one.

const FEWEST = 2;

class PollAnswers extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("textarea");
    this.rows = document.createElement("ol");
    this.querySelector("ol")?.remove();
    this.append(this.rows);
    this.field.hidden = true;
    this.field.addEventListener("restored", () => this.show());
    this.closest("form")?.addEventListener("draft:dropped", () => this.show());
    this.rows.addEventListener("input", () => this.keep());
    this.rows.addEventListener("keydown", (event) => this.press(event));
    this.rows.addEventListener("paste", (event) => this.paste(event));
    this.rows.addEventListener("click", ({ target }) => this.remove(target.closest("button")?.closest("li")));
    this.show();
  }

  get inputs() {
    return [...this.rows.querySelectorAll("input")];
  }

  show() {
    const texts = this.field.value.split("\n").filter((text) => text.trim());
    this.rows.replaceChildren(...texts.map((text) => this.row(text)));
    this.complete();
  }

  row(text = "") {
    const row = this.querySelector("template").content.firstElementChild.cloneNode(true);
    row.querySelector("input").value = text;
    return row;
  }

  /** As many rows as it takes, and what each is called. */
  complete() {
    const most = Number(this.dataset.most);
    while (this.inputs.length < FEWEST || (this.inputs.length < most && this.inputs.at(-1).value.trim()))
      this.rows.append(this.row());
    for (const [at, input] of this.inputs.entries()) {
      const name = this.dataset.answer.replace("{}", at + 1);
      input.setAttribute("aria-label", name);
      input.placeholder = name;
      const isSpare = this.inputs.length <= FEWEST || (at === this.inputs.length - 1 && !input.value);
      input.nextElementSibling.hidden = isSpare;
    }
  }

  keep() {
    this.field.value = this.inputs
      .map(({ value }) => value)
      .filter((value) => value.trim())
      .join("\n");
    this.complete();
  }

  remove(row, focused = row?.nextElementSibling) {
    if (!row) return;
    const next = focused ?? row.previousElementSibling;
    row.remove();
    this.keep();
    next?.querySelector("input")?.focus();
    // The draft hears of it as of what is typed.
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  press(event) {
    const { target, key } = event;
    const row = target.closest("li");
    if (key === "Enter" && target.matches("input")) {
      // The post is not sent by it: the next answer comes.
      event.preventDefault();
      row.nextElementSibling?.querySelector("input").focus();
    }
    if (key === "Backspace" && target.value === "" && this.inputs.length > FEWEST && row.previousElementSibling) {
      event.preventDefault();
      this.remove(row, row.previousElementSibling);
    }
  }

  paste(event) {
    const lines =
      event.clipboardData
        ?.getData("text")
        .split(/\r?\n/)
        .filter((line) => line.trim()) ?? [];
    if (lines.length < 2) return;
    event.preventDefault();
    const row = event.target.closest("li");
    const rest = lines.slice(0, Number(this.dataset.most)).map((line) => this.row(line.trim()));
    if (event.target.value.trim()) row.after(...rest);
    else row.replaceWith(...rest);
    this.keep();
    rest.at(-1).querySelector("input").focus();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

customElements.define("poll-answers", PollAnswers);
