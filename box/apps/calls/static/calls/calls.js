// What the telephone does, over any page and the same in every tab: each asks when it is told of a change. And
// click to call: links to numbers ring the own telephone first, where there is one.

import { isPressing, LivePart } from "../js/live.js";

// Calls that somebody has closed the window of, by number, in all tabs.
const HIDDEN = "korobka-calls-hidden";
const OPENED = "korobka-calls-opened";

const kept = (name) => new Set(JSON.parse(localStorage.getItem(name) ?? "[]"));
const keep = (name, key) => localStorage.setItem(name, JSON.stringify([...kept(name), key].slice(-50)));

const length = (seconds) => {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.floor(seconds % 60)];
  return `${minutes}:${String(rest).padStart(2, "0")}`;
};

class CallBar extends LivePart {
  connectedCallback() {
    super.connectedCallback();
    this.onStorage = ({ key }) => key === HIDDEN && this.settle();
    this.onClick = (event) => this.click(event);
    addEventListener("storage", this.onStorage);
    document.addEventListener("click", this.onClick);
    this.addEventListener("htmx:beforeSwap", ({ detail }) => this.spare(detail));
    this.timer = setInterval(() => this.tick(), 1000);
    this.ask({ isFirst: true });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("storage", this.onStorage);
    document.removeEventListener("click", this.onClick);
    clearInterval(this.timer);
  }

  isMine({ topic, kind }) {
    return topic === "calls" && kind === "now";
  }

  hear(message) {
    super.hear(message);
    const { topic, kind, payload } = message;
    if (topic !== "calls" || kind !== "refused") return;
    document.dispatchEvent(new CustomEvent("toast", { detail: { value: payload.reason } }));
  }

  // The telephone rings: in a tab that nobody sees, too.
  async wait() {}

  async renew() {
    // Somebody types the number that the call is passed on to: it stays until it is sent.
    while (this.isTypingInto()) await new Promise((done) => setTimeout(done, 500));
    await window.htmx.ajax("GET", this.dataset.src, { source: this, target: this, swap: "innerHTML" }).catch(() => {});
    if (this.querySelector("[data-has-phone]")) import("./phone.js");
    this.settle();
  }

  // What one is just pressing is there until one has.
  spare(detail) {
    if (detail.requestConfig.elt !== this) return;
    this.isBehind = isPressing();
    if (this.isBehind) detail.shouldSwap = false;
  }

  isTypingInto() {
    const open = this.isConnected && this.querySelector("[data-call] details[open] input:focus");
    return Boolean(open?.value);
  }

  settle() {
    const hidden = kept(HIDDEN);
    for (const popup of this.querySelectorAll("[data-call]")) {
      popup.hidden = hidden.has(popup.dataset.call);
      if ("opens" in popup.dataset) this.open(popup);
    }
    this.tick();
  }

  // The client's card comes by itself, once, in the window in which one works.
  open(popup) {
    const { call } = popup.dataset;
    if (!document.hasFocus() || kept(OPENED).has(call)) return;
    keep(OPENED, call);
    popup.querySelector(".object-card")?.click();
  }

  tick() {
    for (const place of document.querySelectorAll("[data-since]")) {
      const now = length(Math.max(0, (Date.now() - Date.parse(place.dataset.since)) / 1000));
      if (place.textContent !== now) place.textContent = now;
    }
  }

  click(event) {
    const popup = event.target.closest("[data-hide]")?.closest("[data-call]");
    if (popup && this.contains(popup)) {
      keep(HIDDEN, popup.dataset.call);
      this.settle();
      return;
    }
    const link = event.target.closest('a[href^="tel:"]');
    if (!link || event.defaultPrevented || !this.querySelector('[data-can-dial="yes"]')) return;
    event.preventDefault();
    const phone = document.querySelector("call-phone");
    if (phone?.isReady) {
      phone.dial(link.getAttribute("href").slice(4));
      return;
    }
    const values = { number: link.getAttribute("href").slice(4), nonce: crypto.randomUUID() };
    window.htmx.ajax("POST", this.dataset.dial, { source: this, swap: "none", values }).catch(() => {});
  }
}
customElements.define("call-bar", CallBar);

const SPEEDS = [1, 1.25, 1.5, 2];

// A recording as a wave in which one clicks, with a choice of speed.
class CallRecording extends HTMLElement {
  connectedCallback() {
    if (this.canvas) return;
    this.audio = this.querySelector("audio");
    this.bars = this.dataset.bars.split(" ").filter(Boolean).map(Number);
    this.canvas = document.createElement("canvas");
    this.time = document.createElement("output");
    const speed = document.createElement("select");
    speed.className = "form-select";
    speed.ariaLabel = this.dataset.speed;
    speed.append(...SPEEDS.map((one) => new Option(`${one}×`, one)));
    speed.addEventListener("change", () => (this.audio.playbackRate = Number(speed.value)));
    this.querySelector("audio").after(...(this.bars.length ? [this.canvas] : []), this.time, speed, ...this.noting());
    this.addEventListener("click", ({ target }) => {
      const { at } = target.closest("[data-at]")?.dataset ?? {};
      if (at) this.play(Number(at));
    });
    this.audio.addEventListener("timeupdate", () => this.draw());
    // Whoever listens is not to lose it to news of the page around.
    this.audio.addEventListener("play", () => this.toggleAttribute("data-heard", true));
    this.audio.addEventListener("ended", () => this.toggleAttribute("data-heard", false));
    this.canvas.addEventListener("click", ({ offsetX }) =>
      this.play((offsetX / this.canvas.clientWidth) * this.seconds),
    );
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.canvas);
    this.draw();
  }

  disconnectedCallback() {
    this.watcher?.disconnect();
  }

  get seconds() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : Number(this.dataset.seconds);
  }

  play(seconds) {
    const begin = () => (this.audio.currentTime = seconds);
    if (this.audio.readyState > 0) begin();
    else this.audio.addEventListener("loadedmetadata", begin, { once: true });
    this.audio.play();
  }

  // The moment that is heard begins a line of the notes, where one may write them.
  noting() {
    if (!this.dataset.notes) return [];
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn btn-quiet", textContent: this.dataset.mark });
    button.addEventListener("click", () => {
      const notes = document.getElementById(this.dataset.notes);
      const before = notes.value.trimEnd();
      notes.value = `${before}${before && "\n"}${length(this.audio.currentTime)} `;
      notes.focus();
    });
    return [button];
  }

  draw() {
    const { canvas, bars } = this;
    this.time.textContent = `${length(this.audio.currentTime)} / ${length(this.seconds)}`;
    const [width, height] = [canvas.clientWidth * devicePixelRatio, canvas.clientHeight * devicePixelRatio];
    if (!width || !bars.length) return;
    Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    // Computed, for a canvas knows no light-dark().
    const { outlineColor: played, color: rest } = getComputedStyle(canvas);
    const step = width / bars.length;
    for (const [place, loud] of bars.entries()) {
      const tall = Math.max(2, (loud / 100) * height);
      pen.fillStyle = place / bars.length <= this.audio.currentTime / (this.seconds || 1) ? played : rest;
      pen.fillRect(place * step, (height - tall) / 2, Math.max(1, step - devicePixelRatio), tall);
    }
    pen.fillStyle = played;
    for (const { dataset } of this.querySelectorAll("[data-at]"))
      pen.fillRect((Number(dataset.at) / (this.seconds || 1)) * width, 0, 2 * devicePixelRatio, height);
  }
}
customElements.define("call-recording", CallRecording);
