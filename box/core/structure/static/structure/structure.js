// The structure as a chart or as a list, whichever the person has chosen; on a phone a list at first.
//
// The list is the server's, and all can be done in it. The chart draws the same departments, and asks the
// server in the same dialog before anything moves. What others change waits behind a chip.

import { isByMe, Live } from "../js/live.js";

const htmx = window.htmx;
const texts = () => document.getElementById("structure-texts").dataset;
const VIEW = "structure-view";
const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

class OrgStructure extends Live {
  connectedCallback() {
    this.canvas = this.querySelector(".canvas");
    this.panel = this.querySelector("aside");
    this.input = this.querySelector("[data-search]");
    this.addEventListener("click", (event) => this.click(event));
    this.input.addEventListener("input", () => this.find());
    this.input.addEventListener("keydown", (event) => event.key === "Enter" && this.next());
    this.addEventListener("keydown", (event) => this.key(event));
    this.news = this.querySelector(".news");
    super.connectedCallback();
    this.drags();
    const usual = matchMedia("(min-width: 48rem)").matches ? "chart" : "list";
    this.show(this.dataset.view || localStorage.getItem(VIEW) || usual);
  }

  get isEditing() {
    return "editing" in this.dataset;
  }

  // The structure that the list shows; the chart follows it.
  get mark() {
    return this.querySelector("#tree").dataset.mark;
  }

  async show(view, { moves = true } = {}) {
    if (!this.querySelector(".branches")) view = "list";
    this.view = view;
    for (const part of this.querySelectorAll("[data-only]")) part.hidden = part.dataset.only !== view;
    for (const button of this.querySelectorAll("[data-show]")) {
      button.setAttribute("aria-pressed", String(button.dataset.show === view));
    }
    if (view === "chart" && this.drawn !== this.mark) await this.load();
    this.find({ moves });
  }

  // What others change

  isMine({ topic, kind, payload }) {
    return topic === "org" && kind === "structure" && !isByMe(payload);
  }

  async renew() {
    if (this.chip) return;
    const shown = this.mark;
    const answer = await fetch(`${this.dataset.chart}?shown=${shown}`).catch(() => null);
    // Without an answer the next message asks again.
    if (answer?.status !== 200 || answer.redirected || !this.isConnected || this.chip) return;
    if (shown === this.mark) this.news.append(this.news.querySelector("template").content.cloneNode(true));
    else this.ask();
  }

  get chip() {
    return this.news.querySelector("button");
  }

  // The list has come anew. One stays where one was: neither the chart nor the page goes to what was searched for.
  replaced() {
    if (this.chip === document.activeElement)
      this.querySelector("[data-show][aria-pressed=true]").focus({ preventScroll: true });
    this.chip?.remove();
    this.show(this.view, { moves: false });
  }

  // The chart

  async load() {
    const [{ OrgChart }, answer] = await Promise.all([import(this.dataset.library), fetch(this.dataset.chart)]);
    if (!answer.ok || !this.isConnected) return;
    const { mark, nodes } = await answer.json();
    this.drawn = mark;
    this.nodes = connected(nodes);
    const open = new Set(
      this.chart
        ?.data()
        .filter((one) => one._expanded)
        .map(({ id }) => id),
    );
    const depth = depths(this.nodes);
    for (const node of this.nodes) node._expanded = this.chart ? open.has(node.id) : depth.get(node.id) <= 2;
    const isFirst = !this.chart;
    this.chart ??= this.made(OrgChart);
    this.chart.data(this.nodes).render();
    if (isFirst) this.chart.fit();
    if (this.shown) this.people(this.shown);
  }

  made(OrgChart) {
    return new OrgChart()
      .container(this.canvas)
      .svgHeight(this.canvas.clientHeight)
      .nodeWidth(() => 240)
      .nodeHeight(() => 76)
      .childrenMargin(() => 56)
      .compactMarginBetween(() => 20)
      .duration(isStill() ? 0 : 250)
      .nodeContent(({ data }) => this.content(data))
      .buttonContent(({ node }) => `<div class="org-more">${node.children ? "–" : node.data.below}</div>`)
      .linkUpdate(function () {
        this.setAttribute("class", "link");
      })
      .nodeUpdate(function () {
        // The library makes rectangles around what we draw ourselves.
        this.querySelector(".node-rect")?.setAttribute("fill", "none");
        this.querySelector(".node-rect")?.setAttribute("stroke", "none");
      })
      .onNodeClick(({ data }) => this.people(data.id));
  }

  // Built of elements and not of text: a name is nobody's markup.
  content(data) {
    const node = element("div", "org-node");
    node.tabIndex = 0;
    node.setAttribute("role", "button");
    node.dataset.node = data.id;
    // Also what a directory owns: the answer to the drop names it.
    if (this.isEditing && data.parentId) node.draggable = true;
    if (data.head) {
      node.append(element("span", `avatar-round small tint-${(data.head.id % 6) + 1}`, data.head.initials));
    }
    const text = element("span", "text");
    text.append(element("span", "name", data.name));
    text.append(element("span", "about", `${data.head?.name ?? texts().headless} · ${data.count}`));
    if (data.source) text.lastChild.textContent += ` · ${texts().locked} ${data.source}`;
    node.append(text);
    if (this.matched?.has(data.id)) node.classList.add("found");
    return node.outerHTML;
  }

  async people(id) {
    const node = this.nodes.find((one) => one.id === id);
    if (!node) return this.close();
    this.shown = id;
    this.panel.hidden = false;
    const head = element("div", "head");
    const title = element("h2");
    title.append(Object.assign(element("a", "", node.name), { href: node.url }));
    const close = Object.assign(element("button", "btn btn-bare", "×"), { type: "button" });
    close.setAttribute("aria-label", texts().close);
    close.dataset.closePanel = "";
    head.append(title, close);
    const list = element("div");
    this.panel.replaceChildren(head, list);
    await htmx.ajax("GET", this.dataset.people.replace("/0/", `/${id}/`), { target: list, swap: "innerHTML" });
  }

  close() {
    this.panel.hidden = true;
    this.shown = null;
  }

  // Finding

  find({ moves = true } = {}) {
    const text = this.input.value.trim().toLowerCase();
    const rows = [...this.querySelectorAll(".branches li[data-name]")];
    const isMatch = (name) => text && name.toLowerCase().includes(text);
    const found = rows.filter((row) => isMatch(row.dataset.name));
    for (const row of rows) row.classList.toggle("found", found.includes(row));
    this.matched = new Set(found.map((row) => Number(row.dataset.department)));
    this.order = [...this.matched];
    if (moves) this.at = -1;
    this.querySelector("[data-found]").textContent = !text
      ? ""
      : found.length
        ? `${texts().found} ${found.length}`
        : texts().none;
    if (moves && text && found.length) this.next();
    else this.chart?.render();
  }

  next() {
    if (!this.order?.length) return;
    this.at = (this.at + 1) % this.order.length;
    const id = this.order[this.at];
    if (this.view === "chart") {
      this.chart?.setExpanded(id).setCentered(id).render();
      return;
    }
    const row = this.querySelector(`li[data-department="${id}"]`);
    for (let above = row.parentElement.closest("li"); above; above = above.parentElement.closest("li")) {
      above.querySelector(":scope > .fold").open = true;
    }
    row.scrollIntoView({ block: "center", behavior: isStill() ? "auto" : "smooth" });
  }

  // Clicks and keys

  click({ target }) {
    const show = target.closest("[data-show]")?.dataset.show;
    const zoom = target.closest("[data-zoom]")?.dataset.zoom;
    if (show) {
      localStorage.setItem(VIEW, show);
      this.show(show);
    }
    if (zoom === "fit") this.chart.fit();
    if (zoom === "in") this.chart.zoomIn();
    if (zoom === "out") this.chart.zoomOut();
    if (target.closest("[data-close-panel]")) this.close();
    if (target.closest("[data-renew]")) htmx.trigger(document.body, "structure-changed");
  }

  key(event) {
    const id = Number(event.target.dataset?.node);
    if (!id) return;
    const node = this.nodes.find((one) => one.id === id);
    const beside = this.nodes.filter(({ parentId }) => parentId === node.parentId);
    const to = {
      ArrowUp: () => this.nodes.find((one) => one.id === node.parentId),
      ArrowDown: () => this.nodes.find(({ parentId }) => parentId === id),
      ArrowLeft: () => beside[beside.indexOf(node) - 1],
      ArrowRight: () => beside[beside.indexOf(node) + 1],
    }[event.key];
    if (to) {
      event.preventDefault();
      this.focusNode(to());
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.people(id);
    } else if (this.isEditing && event.code === "KeyM" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      ask(this.dataset.place.replace("/0/", `/${id}/`).replace("?under=", ""));
    }
  }

  focusNode(node) {
    if (!node) return;
    this.chart.setExpanded(node.id).setCentered(node.id).render();
    this.querySelector(`[data-node="${node.id}"]`)?.focus({ preventScroll: true });
  }

  // Dragging a department, or a person, onto a department

  drags() {
    // The chart would take a drag for moving the whole picture.
    this.canvas.addEventListener(
      "mousedown",
      (event) => event.target.closest?.("[draggable=true]") && event.stopPropagation(),
      { capture: true },
    );
    this.addEventListener("dragstart", ({ target, dataTransfer }) => {
      const node = target.closest("[data-node]");
      const address = node
        ? this.dataset.place.replace("/0/", `/${node.dataset.node}/`)
        : target.closest("[data-drag]")?.dataset.drag;
      if (!address) return;
      this.dragged = address;
      dataTransfer.setData("text/plain", "");
      dataTransfer.effectAllowed = "move";
    });
    this.addEventListener("dragover", (event) => {
      const node = event.target.closest?.("[data-node]");
      for (const other of this.querySelectorAll(".org-node.onto")) other.classList.toggle("onto", other === node);
      if (!node || !this.dragged) return;
      node.classList.add("onto");
      event.preventDefault();
    });
    this.addEventListener("drop", (event) => {
      const node = event.target.closest?.("[data-node]");
      if (!node || !this.dragged) return;
      event.preventDefault();
      ask(this.dragged + node.dataset.node);
    });
    this.addEventListener("dragend", () => {
      this.dragged = null;
      for (const node of this.querySelectorAll(".org-node.onto")) node.classList.remove("onto");
    });
  }
}

customElements.define("org-structure", OrgStructure);

function element(name, classes = "", text = "") {
  return Object.assign(document.createElement(name), { className: classes, textContent: text });
}

// The chart has one top. Where the company has several, they stand beside each other under none of them.
function connected(nodes) {
  const tops = nodes.filter(({ parentId }) => parentId === null);
  return tops.length === 1 ? nodes : nodes.filter((node) => rootOf(node, nodes) === tops[0]?.id);
}

function rootOf(node, nodes) {
  const byId = new Map(nodes.map((one) => [one.id, one]));
  while (node.parentId !== null) node = byId.get(node.parentId);
  return node.id;
}

function depths(nodes) {
  const found = new Map();
  for (const { id, parentId } of nodes) found.set(id, parentId === null ? 0 : found.get(parentId) + 1);
  return found;
}

// The dialog: what is asked before it is done

const ask = (address) => htmx.ajax("GET", address, { target: "#plan", swap: "innerHTML" });

// What was unfolded stays unfolded when the list comes anew: at once, so that the page keeps its height, and the
// people of a department once their list can be asked for.

let open = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target?.id !== "tree") return;
  open = new Set([...detail.target.querySelectorAll("[data-keep-open][open]")].map((fold) => fold.dataset.keepOpen));
});
const unfold = (what) => {
  for (const fold of document.querySelectorAll(`#tree ${what}`)) fold.open = open.has(fold.dataset.keepOpen);
};
document.addEventListener("htmx:afterSwap", () => open && unfold(".fold[data-keep-open]"));
document.addEventListener("htmx:afterSettle", () => {
  if (!open) return;
  unfold(".people-of");
  open = null;
  document.querySelector("org-structure")?.replaced();
});
