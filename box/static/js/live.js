// What an element has in common with others that show what others do: it hears of it, also of what was told while it
// was on its way, asks once for several messages, and catches up after a gap in the stream.
//
//   class Record extends Live {
//     isMine({ topic, kind, payload }) { … }   which messages are about it
//     renew() { … }                            fetches what it shows; a promise
//   }
//
// <live-card topic="tasks" kind="changed" of="17">, around a card that fetches itself at `refresh`, is one: what
// somebody else has changed is shown anew, but not while one writes in it, presses something or has something of it
// open: then once one has done.

import { missed, turn } from "./push.js";

export class Live extends HTMLElement {
  connectedCallback() {
    this.onMessage = ({ detail }) => this.hear(detail);
    this.onGap = () => this.catchUp();
    document.addEventListener("push:message", this.onMessage);
    document.addEventListener("push:reset", this.onGap);
    for (const message of missed()) this.hear(message);
  }

  disconnectedCallback() {
    document.removeEventListener("push:message", this.onMessage);
    document.removeEventListener("push:reset", this.onGap);
  }

  hear(message) {
    if (this.isMine(message)) this.ask();
  }

  /** After a gap nobody knows what was told in it. */
  catchUp() {
    this.ask();
  }

  /** Before it asks: what must not come late does not wait for its turn. */
  wait() {
    return turn();
  }

  // Messages within one wait are one question; what is told while it is on its way is asked once more.
  async ask({ isFirst = false } = {}) {
    if (this.isAsking) {
      this.isStale = true;
      return;
    }
    this.isAsking = true;
    do {
      if (!isFirst || this.isStale) await this.wait();
      this.isStale = false;
      if (this.isConnected) await Promise.resolve(this.renew({ isFirst })).catch(() => {});
    } while (this.isStale && this.isConnected);
    this.isAsking = false;
  }
}

export const isByMe = (payload) => String(payload.by) === document.body.dataset.user;

const HELD = "details.drop[open], :is(input, textarea, select, [contenteditable=true]):focus";
const TYPED = "textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=file])";
// So many milliseconds after a field was left: what was pressed to leave it is still pressed.
const CATCHES_UP_AFTER = 400;

// What has been typed and not sent; a field inside of `data-saved` sends itself.
export const isUnsent = (part) =>
  [...part.querySelectorAll(TYPED)].some((one) => one.value !== one.defaultValue && !one.closest("[data-saved]"));

// A press comes to nothing where what it began on is gone before it ends.
const ENDS = ["pointerup", "pointercancel"];
let isPressed = false;
for (const kind of ["pointerdown", ...ENDS]) {
  document.addEventListener(kind, () => (isPressed = !ENDS.includes(kind)), { capture: true });
}

export const isPressing = () => isPressed;

/** Whether somebody presses, writes or has something open in a part of the page: another in its place would take that
    away. */
export const isInHand = (part) => isPressed || Boolean(part.querySelector(HELD)) || isUnsent(part);

/** In whose part of the page people write and press: what was put off for that (`isBehind`) is made up for once they
    have let go. */
export class LivePart extends Live {
  connectedCallback() {
    super.connectedCallback();
    for (const kind of ["focusout", "htmx:afterRequest"]) this.addEventListener(kind, this);
    for (const kind of ["toggle", "close"]) this.addEventListener(kind, this, { capture: true });
    for (const end of ENDS) document.addEventListener(end, this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const end of ENDS) document.removeEventListener(end, this);
  }

  handleEvent() {
    setTimeout(() => this.isBehind && this.makeUp(), CATCHES_UP_AFTER);
  }

  makeUp() {
    this.ask({ isFirst: true });
  }
}

class LiveCard extends LivePart {
  connectedCallback() {
    super.connectedCallback();
    for (const kind of ["htmx:beforeRequest", "htmx:beforeSwap"]) this.addEventListener(kind, this);
  }

  handleEvent({ type, target, detail }) {
    if (type === "htmx:beforeRequest") this.giveWay(target);
    else if (type === "htmx:beforeSwap") this.spare(detail);
    else super.handleEvent();
  }

  // What is pressed while the card is fetched anew: the older answer would come first, take away what was pressed, and
  // with it the place where the newer answer belongs.
  giveWay(pressed) {
    const card = this.firstElementChild;
    if (pressed === card || !card?.classList.contains("htmx-request")) return;
    this.isBehind = true;
    window.htmx.trigger(card, "htmx:abort");
  }

  // What one has taken in hand while the card was fetched anew.
  spare(detail) {
    if (detail.requestConfig.elt !== this.firstElementChild || !this.isHeld) return;
    this.isBehind = true;
    detail.shouldSwap = false;
  }

  get isHeld() {
    return Boolean(this.firstElementChild?.querySelector(".htmx-request")) || isInHand(this);
  }

  isMine({ topic, kind, payload }) {
    if (topic !== this.getAttribute("topic") || kind !== this.getAttribute("kind") || isByMe(payload)) return false;
    return String(payload.id) === this.getAttribute("of");
  }

  renew() {
    const card = this.firstElementChild;
    this.isBehind = this.isHeld;
    if (card && !this.isBehind) window.htmx.trigger(card, "refresh");
  }
}

customElements.define("live-card", LiveCard);
