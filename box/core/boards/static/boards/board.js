// A board: cards are dragged, lifted by Space and moved by the arrows, or sent to a column by their button. What the
// portal refuses goes back to where it was, with a sentence; what it asks for first is asked in a dialog. What others
// move arrives by itself. See boards/page.html.

import { isInHand, LivePart } from "../js/live.js";
import { texts, toast } from "../js/toasts.js";

const REFUSED = 422;

class CardBoard extends LivePart {
  connectedCallback() {
    this.origins = new Map();
    this.told = new Set();
    super.connectedCallback();
    this.addEventListener("keydown", (event) => this.press(event));
    this.addEventListener("click", (event) => this.click(event));
    this.addEventListener("submit", (event) => this.submit(event), { capture: true });
    this.dialog("asks").addEventListener("close", () => this.leave());
    this.drag();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const one of this.sortables ?? []) one.destroy();
  }

  get columns() {
    return [...this.querySelectorAll(".board-column")];
  }

  column(key) {
    return this.columns.find((one) => one.dataset.key === key);
  }

  cards(column) {
    return [...column.querySelectorAll("[data-card]")];
  }

  dialog(name) {
    return this.querySelector(`[data-board-${name}]`);
  }

  // By pointer

  async drag() {
    const { default: Sortable } = await import("../vendor/sortable.js");
    if (!this.isConnected) return;
    this.sortables = this.columns.map((column) =>
      Sortable.create(column.querySelector("[data-board-cards]"), {
        group: "cards",
        draggable: "[data-card]",
        filter: "[data-fixed]",
        preventOnFilter: false,
        animation: 120,
        delay: 200,
        delayOnTouchOnly: true,
        // From the press on, for what is told between it and the first step would take the card away under it.
        onChoose: ({ item }) => this.remember(item),
        onUnchoose: ({ item }) => queueMicrotask(() => this.letGo(item)),
        onEnd: ({ item }) => this.put(item),
      }),
    );
  }

  // By key: the arrows walk through the cards, and carry the one that is lifted.

  press(event) {
    const card = event.target;
    if (!card.matches?.("[data-card]") || event.ctrlKey || event.altKey || event.metaKey) return;
    const isLifted = card.hasAttribute("data-lifted");
    const act = {
      " ": () => (isLifted ? this.drop(card) : this.lift(card)),
      Enter: () => (isLifted ? this.drop(card) : card.querySelector("a[href]")?.click()),
      Escape: () => isLifted && this.putBack(card),
      ArrowUp: () => this.step(card, isLifted, 0, -1),
      ArrowDown: () => this.step(card, isLifted, 0, 1),
      ArrowLeft: () => this.step(card, isLifted, -1, 0),
      ArrowRight: () => this.step(card, isLifted, 1, 0),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  lift(card) {
    if (card.hasAttribute("data-fixed")) return;
    this.remember(card);
    card.setAttribute("data-lifted", "");
    this.say("lifted", { name: card.ariaLabel });
  }

  drop(card) {
    card.removeAttribute("data-lifted");
    this.put(card);
  }

  step(card, isLifted, across, down) {
    const columns = this.columns;
    const at = columns.indexOf(card.closest(".board-column"));
    const place = this.cards(columns[at]).indexOf(card);
    const column = columns[Math.max(0, Math.min(columns.length - 1, at + across))];
    const others = this.cards(column).filter((one) => one !== card);
    if (isLifted) {
      const before = others[Math.max(0, place + down)] ?? column.querySelector("[data-board-more]");
      const list = column.querySelector("[data-board-cards]");
      list.insertBefore(card, before ?? null);
      const cards = this.cards(column);
      const name = column.querySelector("h2").textContent;
      this.say("moved", { column: name, place: cards.indexOf(card) + 1, count: cards.length });
    }
    const next = isLifted ? card : across ? (others[place] ?? others.at(-1)) : this.cards(column)[place + down];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // By a button

  click({ target }) {
    const grip = target.closest("[data-board-move]");
    const place = target.closest("[data-board-place]");
    if (grip) {
      this.moving = grip.closest("[data-card]");
      this.dialog("places").showModal();
    } else if (place) {
      this.dialog("places").close();
      this.remember(this.moving);
      this.column(place.dataset.boardPlace).querySelector("[data-board-cards]").prepend(this.moving);
      this.put(this.moving);
    } else if (target.closest("[data-close]") && this.dialog("asks").open) {
      this.dialog("asks").close();
    }
  }

  // Where it was, until the portal has said that it may be elsewhere.

  remember(card) {
    if (!this.origins.has(card)) this.origins.set(card, [card.parentElement, card.nextElementSibling]);
  }

  // It was pressed and not moved; of what was moved its end comes in the same turn, before this.
  letGo(card) {
    const [list, next] = this.origins.get(card) ?? [];
    if (list && list === card.parentElement && next === card.nextElementSibling) this.release(card);
  }

  release(card) {
    this.origins.delete(card);
    if (this.isBehind) this.makeUp();
    if (this.told.size) this.ask();
  }

  put(card) {
    const [list, next] = this.origins.get(card) ?? [];
    if (list === card.parentElement && next === card.nextElementSibling) return this.release(card);
    const body = new FormData();
    const near = (one) => (one?.matches?.("[data-card]") ? one.dataset.card : "");
    const fields = {
      do: "move",
      card: card.dataset.card,
      column: card.closest(".board-column").dataset.key,
      after: near(card.previousElementSibling),
      before: near(card.nextElementSibling),
    };
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    return this.move(card, body);
  }

  async move(card, body) {
    card.setAttribute("data-sent", "");
    const answer = await this.send(body);
    card.removeAttribute("data-sent");
    if (answer?.ok) {
      this.release(card);
      this.say("put", { name: card.ariaLabel, column: card.closest(".board-column")?.querySelector("h2").textContent });
      if (this.dialog("asks").open) this.dialog("asks").close();
      this.receive(await answer.text(), [card.dataset.card]);
      this.querySelector(`#card-${card.dataset.card}`)?.focus({ preventScroll: true });
    } else if (answer?.status === REFUSED) {
      this.asking = { card, body };
      this.dialog("asks").innerHTML = await answer.text();
      window.htmx.process(this.dialog("asks"));
      if (!this.dialog("asks").open) this.dialog("asks").showModal();
    } else {
      this.putBack(card);
      await complain(answer);
    }
  }

  putBack(card) {
    const [list, next] = this.origins.get(card) ?? [];
    card.removeAttribute("data-lifted");
    if (list) list.insertBefore(card, next?.parentElement === list ? next : null);
    this.release(card);
    card.focus({ preventScroll: true });
    this.say("back", { name: card.ariaLabel });
  }

  // A dialog that is closed without an answer takes the move back.
  leave() {
    const { card } = this.asking ?? {};
    this.asking = null;
    this.dialog("asks").replaceChildren();
    if (card && this.origins.has(card)) this.putBack(card);
  }

  async submit(event) {
    const form = event.target;
    if (form.matches("[data-board-add]")) {
      event.preventDefault();
      event.stopPropagation();
      await this.add(form);
    } else if (form.closest("[data-board-asks]") && this.asking) {
      event.preventDefault();
      event.stopPropagation();
      const { card, body } = this.asking;
      const both = new FormData(form, event.submitter);
      for (const [name, value] of body) if (!both.has(name)) both.append(name, value);
      await this.move(card, both);
    }
  }

  async add(form) {
    const problem = form.querySelector("[data-problem]");
    problem.hidden = true;
    const answer = await this.send(new FormData(form));
    if (!answer?.ok) {
      problem.textContent = answer ? await problemOf(answer) : texts().offline;
      problem.hidden = false;
      return;
    }
    form.reset();
    form.elements.nonce.value = crypto.randomUUID();
    form.elements.title.focus();
    this.receive(await answer.text(), []);
  }

  send(body) {
    const headers = { ...JSON.parse(document.body.getAttribute("hx-headers") ?? "{}"), "HX-Request": "true" };
    // Also where one leaves the page at once.
    return fetch(this.dataset.src, { method: "POST", headers, body, keepalive: true }).catch(() => null);
  }

  // What others do: asked for together, and put where it belongs.

  isMine({ topic, kind }) {
    return topic === this.dataset.topic && kind === this.dataset.kind;
  }

  hear(message) {
    if (this.isMine(message)) this.told.add(String(message.payload.id));
    super.hear(message);
  }

  async renew() {
    const ids = [...this.told].filter((id) => !this.isHeld(id)).slice(0, 50);
    if (!ids.length) return;
    for (const id of ids) this.told.delete(id);
    const address = new URL(this.dataset.src, location.href);
    address.searchParams.set("cards", ids.join(","));
    const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) {
      // With the next word they are asked for again.
      for (const id of ids) this.told.add(id);
      return;
    }
    this.receive(await answer.text(), ids);
    if (this.told.size) this.ask();
  }

  isHeld(id) {
    return [...this.origins.keys()].some((card) => card.dataset.card === id);
  }

  receive(html, ids) {
    const parts = document.createElement("template");
    parts.innerHTML = html;
    const come = new Map([...parts.content.querySelectorAll("[data-card]")].map((card) => [card.dataset.card, card]));
    for (const id of new Set([...ids, ...come.keys()])) {
      // What one holds in one's hand, perhaps only since this was asked for, does not go from under it.
      if (this.isHeld(id)) this.told.add(id);
      else if (come.has(id)) this.place(document.importNode(come.get(id), true));
      else this.querySelector(`#card-${id}`)?.remove();
    }
    for (const head of parts.content.querySelectorAll(".board-head")) {
      this.querySelector(`#${CSS.escape(head.id)}`)?.replaceWith(document.importNode(head, true));
    }
  }

  // In its column's order; further down than what has been shown it comes with the rest, by scrolling.
  place(card) {
    for (const one of this.querySelectorAll(`#${CSS.escape(card.id)}`)) one.remove();
    const column = this.column(card.dataset.column);
    if (!column) return;
    const next = this.cards(column).find((one) => comesBefore(card, one));
    const more = column.querySelector("[data-board-more]");
    if (!next && more) return;
    column.querySelector("[data-board-cards]").insertBefore(card, next ?? null);
    window.htmx.process(card);
  }

  async catchUp() {
    await this.wait();
    // Another page may have a list in its place by then.
    if (!this.isConnected) return;
    this.isBehind = this.origins.size > 0 || this.querySelector("dialog[open]") !== null || isInHand(this);
    if (this.isBehind) return;
    window.htmx.ajax("GET", this.dataset.src, { target: "#list", swap: "outerHTML" }).catch(() => {});
  }

  makeUp() {
    this.catchUp();
  }

  say(what, facts) {
    const text = this.dataset[what].replace(/\{(\w+)\}/g, (_all, name) => facts[name] ?? "");
    this.querySelector("[data-board-said]").textContent = text;
  }
}

// As the database orders them: ranks byte by byte, and of the same rank what is newer first.
function comesBefore(one, other) {
  const [rank, theirs] = [one.dataset.rank, other.dataset.rank];
  return rank === theirs ? Number(one.dataset.card) > Number(other.dataset.card) : rank < theirs;
}

async function complain(answer) {
  if (answer?.status === 401) return location.assign(document.body.dataset.signIn);
  toast(answer ? await problemOf(answer) : texts().offline, { isError: true });
}

async function problemOf(answer) {
  const isSentence = answer.headers.get("Content-Type")?.startsWith("text/plain");
  return (isSentence && (await answer.text())) || texts().failed;
}

customElements.define("card-board", CardBoard);
