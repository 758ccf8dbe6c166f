// The CRM's pages: lines of numbers and addresses, and a word about what is probably there already.

import { isByMe, isInHand, LivePart } from "../js/live.js";

const WAIT = 400;
let timer = 0;

document.addEventListener("click", ({ target }) => {
  const more = target.closest?.("[data-crm-more-points]");
  if (!more) return;
  const line = more.parentElement.querySelector("template").content.cloneNode(true);
  more.before(line);
  more.previousElementSibling.querySelector("input").focus();
});

// A line of products is taken out; its form counts anew.
document.addEventListener("click", ({ target }) => {
  const line = target.closest?.("[data-crm-line-out]")?.closest("[data-crm-line]");
  if (!line) return;
  const form = line.closest("form");
  line.remove();
  form.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("input", ({ target }) => {
  const form = target.matches?.("[data-crm-known]") && target.closest("[data-crm-alike]");
  if (!form) return;
  clearTimeout(timer);
  timer = setTimeout(() => ask(form), WAIT);
});

async function ask(form) {
  const address = new URL(form.dataset.crmAlike, location.href);
  for (const [name, value] of new FormData(form)) {
    if (value && ["title", "first_name", "last_name", "tax_number", "point-value", "point-kind"].includes(name)) {
      address.searchParams.append(name, value);
    }
  }
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.ok && form.isConnected) form.querySelector("[data-crm-alike-found]").innerHTML = await answer.text();
}

// One record: what others change is shown anew, but for what one has in hand, and who writes is named.

const SAID_SECONDS = 8;
const TELLS_EVERY = 4000;
const PARTS = ["bar", "lines", "paper", "steps", "facts", "robots", "timeline"];
const RENEWS = { "X-Renews": "true" };
// Also what one has just pressed: its answer needs its place.
const IN_HAND =
  "form:focus-within, details[open], form.crm-facts-form, form.crm-lines-form, call-recording[data-heard], .htmx-request";

const isHeld = (id) => {
  const part = document.getElementById(id);
  return part !== null && (part.querySelector(IN_HAND) !== null || isInHand(part));
};

class CrmRecord extends LivePart {
  connectedCallback() {
    this.putOff = new Set();
    super.connectedCallback();
    this.addEventListener("input", ({ target }) => target.closest(".comments") && this.tell());
    this.addEventListener("click", (event) => this.leave(event));
    this.addEventListener("htmx:beforeSwap", ({ detail }) => this.spare(detail));
  }

  isMine({ topic, kind, payload }) {
    return topic === "crm" && kind === "record" && String(payload.id) === this.dataset.id;
  }

  hear(message) {
    super.hear(message);
    const { topic, kind, payload } = message;
    const isHere = topic === "crm" && kind === "writing" && String(payload.id) === this.dataset.id;
    if (isHere && !isByMe(payload)) this.say(payload.name);
  }

  // What is being filled in or listened to stays as it is: the answer to it brings the rest, and where none is asked
  // for, whoever lets go of it is shown what came.
  renew() {
    this.putOff = new Set(PARTS.filter((part) => isHeld(`crm-${part}`)));
    const parts = PARTS.filter((part) => !this.putOff.has(part));
    if (parts.length) return this.fetch(parts, RENEWS);
  }

  get isBehind() {
    return [...this.putOff].some((part) => !isHeld(`crm-${part}`));
  }

  // What one has taken in hand while the answer was on its way. Whoever has gone on to the card of another record by
  // then has parts of the same names there.
  spare(detail) {
    if (!this.isConnected) {
      detail.shouldSwap = false;
      return;
    }
    if (!detail.requestConfig.headers["X-Renews"]) return;
    const answer = document.createElement("template");
    answer.innerHTML = detail.serverResponse;
    for (const part of [...answer.content.children]) {
      if (!part.id || !isHeld(part.id)) continue;
      part.remove();
      this.putOff.add(part.id.replace("crm-", ""));
    }
    detail.serverResponse = answer.innerHTML;
  }

  fetch(parts, headers = {}) {
    const address = `${this.dataset.src}?part=${parts.join(",")}`;
    return window.htmx.ajax("GET", address, { source: this, swap: "none", headers }).catch(() => {});
  }

  tell() {
    if (this.hasTold) return;
    this.hasTold = true;
    setTimeout(() => (this.hasTold = false), TELLS_EVERY);
    const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
    fetch(this.dataset.writing, { method: "POST", headers }).catch(() => {});
  }

  say(name) {
    const place = this.querySelector("[data-crm-writing]");
    if (!place) return;
    place.textContent = this.dataset.writes.replace("{name}", name);
    clearTimeout(this.saying);
    this.saying = setTimeout(() => place.replaceChildren(), SAID_SECONDS * 1000);
  }

  leave(event) {
    const link = event.target.closest("[data-crm-leave]");
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    this.fetch([link.dataset.crmLeave || "facts"]);
  }
}

customElements.define("crm-record", CrmRecord);
