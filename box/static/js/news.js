// What others do appears behind a chip such as "3 new", and never moves what one reads.
//
//   <news-chip topic="feed" kind="post" newest="17" src="/feed/news/"></news-chip>
//
// The server says what the chip says, from what this person may see: src is asked with ?after=<newest>.
// With `of` and `of-value` only messages whose payload has that value count (the comments of one post).
//
// With `forms` (the chip's text by plural rule) and a <template> of the link it counts messages by itself, for
// each tells of one thing that this person sees: then two thousand listeners ask nothing when somebody writes
// to all. It asks after a gap. What was taken back meanwhile (a message of the kind `gone`) counts no more.

import { isByMe, Live } from "./live.js";

class NewsChip extends Live {
  connectedCallback() {
    this.counted = new Set();
    super.connectedCallback();
  }

  get newest() {
    return Number(this.getAttribute("newest"));
  }

  isMine({ topic, kind, payload }) {
    if (topic !== this.getAttribute("topic") || kind !== this.getAttribute("kind")) return false;
    const of = this.getAttribute("of");
    if (of && String(payload[of]) !== this.getAttribute("of-value")) return false;
    return payload.id > this.newest && !isByMe(payload);
  }

  hear(message) {
    if (!this.hasAttribute("forms")) super.hear(message);
    else if (this.isGone(message)) this.forget(message.payload.id);
    else if (this.isMine(message)) this.count(message.payload.id);
  }

  isGone({ topic, kind, payload }) {
    return topic === this.getAttribute("topic") && kind === this.getAttribute("gone") && payload.id > this.newest;
  }

  forget(id) {
    if (this.counted.delete(id)) this.show();
    // One that the server may have counted.
    else this.ask();
  }

  count(id) {
    this.counted.add(id);
    this.show();
  }

  // Beyond what the server has counted already.
  show() {
    const told = this.querySelector("[data-count]");
    const last = Number(told?.dataset.last ?? 0);
    const sum = Number(told?.dataset.count ?? 0) + [...this.counted].filter((one) => one > last).length;
    if (!sum) {
      this.querySelector("a")?.remove();
      return;
    }
    const most = Number(this.getAttribute("most"));
    const forms = JSON.parse(this.getAttribute("forms"));
    const form =
      sum > most ? forms.more : (forms[new Intl.PluralRules(document.documentElement.lang).select(sum)] ?? forms.other);
    if (!this.querySelector("a")) {
      this.append(this.querySelector("template").content.cloneNode(true));
      window.htmx.process(this);
    }
    this.querySelector("a [data-text]").textContent = form.replace("{}", String(sum));
  }

  async renew() {
    const address = new URL(this.getAttribute("src"), location.href);
    address.searchParams.set("after", this.newest);
    const kept = this.querySelector("template");
    const question = window.htmx.ajax("GET", address.pathname + address.search, {
      source: this,
      target: this,
      swap: "innerHTML",
    });
    // Without an answer the next message asks again.
    await question.catch(() => {});
    if (!kept) return;
    this.append(kept);
    // What came while the question was on its way, and wasn't counted by the answer.
    const last = Number(this.querySelector("[data-last]")?.dataset.last ?? this.newest);
    if ([...this.counted].some((id) => id > last)) this.show();
  }
}

customElements.define("news-chip", NewsChip);
