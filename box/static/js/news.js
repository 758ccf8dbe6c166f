// What others do appears behind a chip such as "3 new", and never moves what one reads.
//
//   <news-chip topic="feed" kind="post" newest="17" src="/feed/news/"></news-chip>
//
// The server says what the chip says, from what this person may see: src is asked with ?after=<newest>.
// With `of` and `of-value` only messages whose payload has that value count (the comments of one post).

import { newest, turn } from "./push.js";

class NewsChip extends HTMLElement {
  connectedCallback() {
    this.onMessage = ({ detail }) => this.isMine(detail) && this.consider(detail.payload);
    this.onGap = () => this.ask();
    document.addEventListener("push:message", this.onMessage);
    document.addEventListener("push:reset", this.onGap);
    // A message may have come while this page was on its way.
    this.consider(newest(this.getAttribute("topic"), this.getAttribute("kind")));
    // What was published between rendering and listening is asked for once, when the stream begins.
    document.addEventListener("push:hello", this.onGap, { once: true });
  }

  disconnectedCallback() {
    document.removeEventListener("push:message", this.onMessage);
    document.removeEventListener("push:reset", this.onGap);
    document.removeEventListener("push:hello", this.onGap);
  }

  get newest() {
    return Number(this.getAttribute("newest"));
  }

  isMine({ topic, kind }) {
    return topic === this.getAttribute("topic") && kind === this.getAttribute("kind");
  }

  consider(payload) {
    if (!payload || payload.id <= this.newest || String(payload.by) === document.body.dataset.user) return;
    const of = this.getAttribute("of");
    if (of && String(payload[of]) !== this.getAttribute("of-value")) return;
    this.ask();
  }

  // Several messages within one wait are one question.
  async ask() {
    if (this.isAsking) return;
    this.isAsking = true;
    await turn();
    this.isAsking = false;
    if (!this.isConnected) return;
    const address = new URL(this.getAttribute("src"), location.href);
    address.searchParams.set("after", this.newest);
    const question = window.htmx.ajax("GET", address.pathname + address.search, { source: this, target: this, swap: "innerHTML" });
    // Without an answer the next message asks again.
    await question.catch(() => {});
  }
}

customElements.define("news-chip", NewsChip);
