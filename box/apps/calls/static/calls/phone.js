// The phone in the browser. It lives outside the part of the page that navigation swaps. One tab has the line: it
// holds a lock, does what any tab asks, and tells all of them how things stand; when it closes, the next takes over.

import { Line } from "./line.js";
import { Ringing } from "./ringing.js";

// By person: two may share a computer.
const NAME = `korobka-phone-${document.body.dataset.user}`;
const DEVICES = `${NAME}-devices`;
const LEFT = `${NAME}-left`;
const RETURNS_WITHIN_MS = 40_000;
const COMMANDS = new Set(["dial", "answer", "hangUp", "mute", "hold", "press", "pass", "join"]);

const stored = (name) => JSON.parse(localStorage.getItem(name) ?? "{}");
const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
const post = (address, values = {}, more = {}) =>
  fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": token() },
    body: new URLSearchParams(values),
    ...more,
  });
const toast = (text) => document.dispatchEvent(new CustomEvent("toast", { detail: { value: text } }));

class CallPhone extends HTMLElement {
  state = { isReady: false, trouble: "", calls: [] };
  #line = null;
  #ringing = new Ringing();
  #channel = new BroadcastChannel(NAME);

  async connectedCallback() {
    if (this.isBuilt) return;
    this.isBuilt = true;
    const answer = await fetch(this.dataset.src);
    if (!answer.ok) return;
    this.innerHTML = await answer.text();
    this.hidden = false;
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("submit", (event) => this.#submit(event));
    this.addEventListener("change", (event) => this.#chosen(event));
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
    addEventListener("pagehide", (event) => this.#leave(event));
    this.#channel.postMessage({ asks: true });
    this.#wait();
  }

  /** For the line, which another tab may have. */
  #wait() {
    navigator.locks.request(NAME, () => new Promise((done) => this.#hold(done)));
  }

  get isReady() {
    return this.state.isReady;
  }

  get panel() {
    return this.querySelector(".phone-panel");
  }

  /** What was typed or clicked: the portal says what is dialled for it, and whether it may be. */
  async dial(number, passes = null) {
    this.#open(true);
    const goal = await this.#goal(number);
    if (goal) this.#do("dial", goal, number, passes);
  }

  async #goal(number) {
    const answer = await post(this.dataset.number, { number });
    const said = await answer.json();
    if (!answer.ok) toast(said.error);
    return answer.ok ? said.dial : null;
  }

  async #hold(release) {
    const line = new Line({
      give: async () => {
        const answer = await post(this.dataset.src);
        // The extension is somebody else's now, or nobody is signed in.
        if (!answer.ok) throw new Error(`The portal gives no line: ${answer.status}`);
        return await answer.json();
      },
      changed: () => this.#changed(),
      audio: this.querySelector("audio"),
      devices: () => stored(DEVICES),
      expectsReturn: () => Date.now() - (stored(LEFT).at ?? 0) < RETURNS_WITHIN_MS,
    });
    this.#line = line;
    this.#speak();
    try {
      await line.start();
    } catch {
      this.#line = null;
      setTimeout(() => {
        release();
        this.#wait();
      }, 30_000);
    }
  }

  #hear({ asks, state, command, values }) {
    if (state) {
      this.state = state;
      this.#show();
    } else if (this.#line && asks) this.#channel.postMessage({ state: this.state });
    else if (this.#line && COMMANDS.has(command)) this.#line[command](...values);
  }

  #do(command, ...values) {
    if (this.#line) this.#line[command](...values);
    else this.#channel.postMessage({ command, values });
  }

  #changed() {
    const rang = this.state.calls.some(({ phase }) => phase === "rings");
    this.state = this.#line.state;
    this.#channel.postMessage({ state: this.state });
    const ringing = this.state.calls.find(({ phase }) => phase === "rings");
    if (ringing) this.#ringing.begin(`${this.panel.dataset.rings} ${ringing.who}`, () => this.#open(true));
    else if (rang) this.#ringing.end();
    this.#show();
  }

  /** Whoever is on the line waits for the next page. */
  #leave({ persisted }) {
    if (persisted || this.#line?.talksTo.length !== 1) return;
    localStorage.setItem(LEFT, JSON.stringify({ at: Date.now() }));
    post(this.dataset.leaving, {}, { keepalive: true }).catch(() => {});
  }

  // The panel

  #open(isOpen) {
    this.panel.hidden = !isOpen;
    this.querySelector("[data-open]").setAttribute("aria-expanded", String(isOpen));
  }

  #show() {
    const { isReady, trouble, calls } = this.state;
    const known = this.seen ?? new Set();
    this.seen = new Set(calls.map(({ id }) => id));
    if (calls.some(({ id }) => !known.has(id))) this.#open(true);
    this.toggleAttribute("data-busy", calls.length > 0);
    this.toggleAttribute("data-ready", isReady);
    const said = this.querySelector("[data-said]");
    said.textContent = isReady ? said.dataset.ready : said.dataset.away;
    const problem = this.querySelector("[data-trouble]");
    problem.hidden = !trouble;
    problem.textContent = problem.dataset[trouble] ?? problem.dataset.other;
    const list = this.querySelector("[data-calls]");
    for (const old of [...list.children]) if (!this.seen.has(old.dataset.id)) old.remove();
    for (const call of calls) this.#showCall(list, call);
    for (const part of this.querySelectorAll("[data-dial], .phone-pad"))
      part.hidden = calls.some(({ phase }) => phase !== "talks");
    this.querySelector("[data-dial] button").disabled = !isReady;
  }

  #showCall(list, call) {
    let item = [...list.children].find(({ dataset }) => dataset.id === call.id);
    if (!item) {
      item = this.querySelector("template").content.firstElementChild.cloneNode(true);
      item.dataset.id = call.id;
      list.append(item);
    }
    const { phase, isHeld, isMuted } = call;
    item.dataset.phase = phase;
    item.querySelector("[data-who]").textContent = call.who;
    const said = item.querySelector("[data-phase-said]");
    const number = call.isIncoming && call.number !== call.who ? ` · ${call.number}` : "";
    said.textContent = (isHeld ? said.dataset.held : said.dataset[phase]) + number;
    item.querySelector("time").dataset.since = new Date(call.since).toISOString();
    for (const part of item.querySelectorAll("[data-in]"))
      part.hidden = !part.dataset.in.split(" ").includes(phase) || ("joins" in part.dataset && !call.passes);
    item.querySelector('[data-do="mute"]').setAttribute("aria-pressed", String(isMuted));
    item.querySelector('[data-do="hold"]').setAttribute("aria-pressed", String(isHeld));
  }

  #click({ target }) {
    const button = target.closest("button");
    if (!button) return;
    const { id } = button.closest("[data-id]")?.dataset ?? {};
    if ("open" in button.dataset) this.#open(this.panel.hidden);
    else if ("close" in button.dataset) this.#open(false);
    else if ("allow" in button.dataset) this.#allow();
    else if ("key" in button.dataset) this.#press(button.dataset.key);
    else if (button.dataset.do) this.#do(button.dataset.do, id);
  }

  /** The pad dials, and while somebody talks it sends tones. */
  #press(key) {
    const talking = this.state.calls.find(({ phase, isHeld }) => phase === "talks" && !isHeld);
    if (talking) this.#do("press", talking.id, key);
    else this.querySelector("[data-dial] input").value += key;
  }

  async #submit(event) {
    event.preventDefault();
    event.stopPropagation();
    const { target: form, submitter } = event;
    const number = new FormData(form).get("number");
    const { id } = form.closest("[data-id]")?.dataset ?? {};
    form.reset();
    form.closest("details")?.removeAttribute("open");
    if (!id) return this.dial(number);
    if (submitter?.value === "asked") return this.dial(number, id);
    const goal = await this.#goal(number);
    if (goal) this.#do("pass", id, goal);
  }

  // Devices and notices

  async #allow() {
    await globalThis.Notification?.requestPermission();
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
    for (const track of stream?.getTracks() ?? []) track.stop();
    const found = await navigator.mediaDevices.enumerateDevices();
    for (const list of this.querySelectorAll("select[data-kind]")) {
      const kinds = found.filter(({ kind, deviceId }) => kind === list.dataset.kind && deviceId);
      list.replaceChildren(...kinds.map(({ label, deviceId }) => new Option(label, deviceId)));
      list.value = stored(DEVICES)[list.name] ?? "default";
      list.closest("label").hidden = !kinds.length;
    }
  }

  #chosen({ target }) {
    if (!target.matches("select[data-kind]")) return;
    localStorage.setItem(DEVICES, JSON.stringify({ ...stored(DEVICES), [target.name]: target.value }));
    this.#speak();
  }

  #speak() {
    const { speaker } = stored(DEVICES);
    const audio = this.querySelector("audio");
    if (speaker) audio.setSinkId?.(speaker).catch(() => {});
  }
}
customElements.define("call-phone", CallPhone);
