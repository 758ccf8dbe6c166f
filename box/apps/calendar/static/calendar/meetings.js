// Minutes that several people write at once. What is typed is sent with the text that it began with; the answer has what
// others have written, too.

import { isByMe, Live } from "../js/live.js";

const SAVES_AFTER = 800;
const TRIES_AGAIN = 5000;

class MinutesText extends Live {
  connectedCallback() {
    super.connectedCallback();
    this.field = this.querySelector("textarea");
    this.status = this.querySelector("[role=status]");
    this.base = this.field.value;
    this.field.addEventListener("input", () => this.soon(SAVES_AFTER));
    this.field.addEventListener("blur", () => this.isChanged && this.soon(0));
  }

  // Whoever leaves the page while it is typed loses nothing.
  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    if (this.isChanged)
      this.send(this.field.value, { keepalive: true })
        .then(() => this.successor?.ask({ isFirst: true }))
        .catch(() => {});
  }

  // The same topic where the page around it came anew: without what was typed last, of which nobody tells who typed it.
  get successor() {
    return document.querySelector(`minutes-text[data-topic="${this.dataset.topic}"]`);
  }

  get isChanged() {
    return this.field.value !== this.base;
  }

  isMine({ topic, kind, payload }) {
    return topic === "calendar" && kind === "topic" && String(payload.id) === this.dataset.topic && !isByMe(payload);
  }

  soon(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask({ isFirst: true }), milliseconds);
  }

  send(text, more = {}) {
    const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
    const headers = { "X-CSRFToken": token, Accept: "text/plain" };
    return fetch(this.dataset.src, {
      method: "POST",
      headers,
      body: new URLSearchParams({ text, base: this.base }),
      ...more,
    });
  }

  async renew() {
    const sent = this.field.value;
    const answer = await this.send(sent).catch(() => null);
    if (!answer?.ok) {
      this.status.textContent = answer?.status === 422 ? await answer.text() : this.dataset.failed;
      if (answer?.status !== 422) this.soon(TRIES_AGAIN);
      return;
    }
    const text = await answer.text();
    this.status.textContent = sent === this.base ? "" : this.dataset.saved;
    // What was typed meanwhile began with what was sent: the next answer weaves it in.
    if (this.field.value === sent) this.put(text);
    this.base = this.field.value === text ? text : sent;
  }

  // The caret stays at the words at which it stood.
  put(text) {
    const { field } = this;
    if (field.value === text) return;
    const { selectionStart: at, value } = field;
    const isBefore = text.startsWith(value.slice(0, at));
    field.value = text;
    if (document.activeElement === field)
      field.setSelectionRange(...Array(2).fill(isBefore ? at : at + text.length - value.length));
  }
}

customElements.define("minutes-text", MinutesText);
