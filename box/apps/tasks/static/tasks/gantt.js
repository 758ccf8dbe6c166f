// The Gantt chart: bars are dragged, stretched and linked. What would move is asked of the server while one drags, and
// drawn before it is dropped.

import { Live } from "../js/live.js";

const EDGE = 7;
const ASKS_AFTER = 120;
const CRITICAL = "korobka-gantt-critical";
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
const SVG = "http://www.w3.org/2000/svg";

class GanttChart extends Live {
  connectedCallback() {
    super.connectedCallback();
    this.scroll = this.querySelector(".gantt-scroll");
    this.plan = this.querySelector(".gantt-plan");
    this.addEventListener("pointerdown", (event) => this.press(event));
    this.addEventListener("click", (event) => this.click(event));
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("dragstart", (event) => event.preventDefault());
    this.onMoved = () => this.ask({ isFirst: true });
    document.body.addEventListener("tasks-moved", this.onMoved);
    this.mark(localStorage.getItem(CRITICAL) === "1");
    this.keys = [];
    const before = GanttChart.shown;
    const isSame = before?.dataset.day === this.dataset.day && before?.dataset.on === this.dataset.on;
    this.scroll.scrollTo(
      isSame ? before.scroll.scrollLeft : Number(this.dataset.center) - this.scroll.clientWidth / 3,
      isSame ? before.scroll.scrollTop : 0,
    );
    GanttChart.shown = this;
    if (before?.isReplaced) this.takeOver(before);
  }

  // The drawing was replaced under somebody's hands: they go on where they were.
  takeOver({ focused, drag, keys }) {
    this.bar(focused)?.querySelector("a").focus({ preventScroll: true });
    const held = drag?.shift && drag.isByKeys ? this.bar(drag.task.dataset.task) : null;
    if (held?.matches(".movable")) {
      this.drag = new Dragging(this, held);
      this.drag.by(drag.shift);
    }
    this.replay(keys);
  }

  replay(keys) {
    for (const { task, ...pressed } of keys) this.act(this.bar(task), pressed);
  }

  bar(task) {
    return task ? this.querySelector(`.gantt-task[data-task="${task}"]`) : null;
  }

  get focused() {
    return document.activeElement?.closest?.(".gantt-task")?.dataset.task;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.body.removeEventListener("tasks-moved", this.onMoved);
    this.drag?.end();
  }

  isMine({ topic, kind }) {
    return topic === "tasks" && (kind === "changed" || kind === "added");
  }

  // Not under the hand of whoever drags: the drop brings it.
  renew() {
    if (this.drag) return;
    this.isReplaced = true;
    return window.htmx.ajax("GET", this.dataset.src, { source: this, target: "#list", swap: "outerHTML" });
  }

  mark(isOn) {
    this.classList.toggle("shows-critical", isOn);
    this.querySelector("[data-gantt-critical]").setAttribute("aria-pressed", String(isOn));
    localStorage.setItem(CRITICAL, isOn ? "1" : "");
  }

  click(event) {
    if (event.target.closest("[data-gantt-today]")) {
      this.scroll.scrollTo({ left: Number(this.dataset.now) - this.scroll.clientWidth / 3, behavior: "smooth" });
    }
    if (event.target.closest("[data-gantt-critical]")) this.mark(!this.classList.contains("shows-critical"));
    // What was dragged is not opened.
    if (this.hasDragged && event.target.closest(".gantt-task")) event.preventDefault();
    if (this.hasDragged) event.stopPropagation();
    this.hasDragged = false;
  }

  press(event) {
    const task = event.target.closest?.(".gantt-task.movable");
    if (!task || event.button !== 0 || this.drag) return;
    const dot = event.target.closest(".gantt-dot");
    this.hasDragged = false;
    this.drag = dot ? new Linking(this, task, dot, event) : new Dragging(this, task, event);
  }

  // Shift and the arrows move the bar in hand, Enter drops it, Escape puts it back.
  key(event) {
    const task = event.target.closest?.(".gantt-task.movable");
    const isStep = Boolean(task && event.shiftKey && STEPS[event.key]);
    const isHeld = Boolean(this.drag) || this.keys.length > 0;
    if (!isStep && !(isHeld && (event.key === "Enter" || event.key === "Escape"))) return;
    event.preventDefault();
    const pressed = { key: event.key, isStep };
    // What was dropped is on its way: the bar is soon drawn elsewhere, and moves on from there.
    if (this.isDropping) this.keys.push({ task: task?.dataset.task, ...pressed });
    else this.act(task, pressed);
  }

  act(task, { key, isStep }) {
    if (isStep && task) {
      this.drag ??= new Dragging(this, task);
      this.drag.by(this.drag.shift + STEPS[key] * Number(this.dataset.snap) * 60);
    } else if (key === "Escape") {
      this.drag?.end();
    } else if (key === "Enter") {
      this.drag?.drop();
    }
  }

  // A change is sent, and everything drawn anew.
  async send(address, values) {
    this.isDropping = true;
    await window.htmx.ajax("POST", address, { source: this, target: this.plan, swap: "none", values }).catch(() => {});
    if (this.isConnected) await this.renew();
    this.isDropping = false;
    // Where it could not be drawn anew, what was pressed meanwhile holds for what is there.
    if (this.isConnected) this.replay(this.keys.splice(0));
  }
}

// What both ways to drag have in common: they follow the pointer, or the keyboard, until they end.
class Gesture {
  constructor(chart, task, event) {
    Object.assign(this, { chart, task });
    if (!event) return;
    this.from = event.clientX;
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.addEventListener("pointermove", (one) => this.follow(one), { signal });
    document.addEventListener("pointerup", (one) => this.release(one), { signal });
    document.addEventListener("pointercancel", () => this.end(), { signal });
  }

  end() {
    this.stop?.abort();
    this.chart.drag = null;
  }
}

class Dragging extends Gesture {
  constructor(chart, task, event) {
    super(chart, task, event);
    this.shift = 0;
    this.isByKeys = !event;
    this.was = { starts: Number(task.dataset.starts), ends: Number(task.dataset.ends) };
    this.now = this.was;
    const box = task.querySelector(".gantt-bar").getBoundingClientRect();
    const isWide = box.width > 3 * EDGE;
    this.end_ =
      !event || !isWide
        ? ""
        : event.clientX > box.right - EDGE
          ? "ends"
          : event.clientX < box.left + EDGE
            ? "starts"
            : "";
    this.ghosts = document.createElementNS(SVG, "g");
    this.ghosts.setAttribute("class", "gantt-ghosts");
    chart.querySelector(".gantt-lines").append(this.ghosts);
  }

  follow(event) {
    const pixels = event.clientX - this.from;
    if (!this.isBegun && Math.abs(pixels) < 4) return;
    this.isBegun = this.chart.hasDragged = true;
    const snap = Number(this.chart.dataset.snap) * 60;
    this.by(Math.round((pixels / Number(this.chart.dataset.day)) * (86_400 / snap)) * snap);
    const { plan } = this.chart;
    plan.style.left = `${Math.min(event.clientX + 16, innerWidth - 340)}px`;
    plan.style.top = `${Math.min(event.clientY + 20, innerHeight - 180)}px`;
  }

  by(seconds) {
    if (seconds === this.shift) return;
    this.shift = seconds;
    const { starts, ends } = this.was;
    this.now = {
      starts: this.end_ === "ends" ? starts : starts + seconds,
      ends: this.end_ === "starts" ? ends : ends + seconds,
    };
    if (this.now.ends <= this.now.starts) this.now = this.was;
    this.draw([{ task: this.task.dataset.task, ...this.now }]);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.askPlan(), ASKS_AFTER);
  }

  async askPlan() {
    const address = `${this.task.dataset.schedule}?${new URLSearchParams(this.now)}`;
    const asked = this.now;
    const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
    const said = answer && (answer.ok || answer.status === 422) ? await answer.text() : "";
    if (this.now !== asked || this.chart.drag !== this) return;
    const { plan } = this.chart;
    plan.innerHTML = said;
    plan.hidden = !said;
    const moved = [...plan.querySelectorAll("[data-task]")].map(({ dataset }) => dataset);
    if (moved.length) this.draw(moved);
  }

  x(seconds) {
    return ((seconds - Number(this.chart.dataset.starts)) / 86_400) * Number(this.chart.dataset.day);
  }

  draw(moved) {
    this.ghosts.replaceChildren(
      ...moved.flatMap(({ task, starts, ends }) => {
        const bar = this.chart.querySelector(`.gantt-task[data-task="${task}"] .gantt-bar`);
        if (!bar) return [];
        const ghost = document.createElementNS(SVG, "rect");
        const left = this.x(Number(starts));
        const size = { x: left, width: Math.max(this.x(Number(ends)) - left, 6), rx: 4 };
        for (const name of ["y", "height"]) size[name] = bar.getAttribute(name);
        for (const [name, value] of Object.entries(size)) ghost.setAttribute(name, value);
        return [ghost];
      }),
    );
  }

  release() {
    if (this.isBegun) this.drop();
    else this.end();
  }

  async drop() {
    const { chart, now, was } = this;
    const address = this.task.dataset.schedule;
    this.end();
    if (now === was || (now.starts === was.starts && now.ends === was.ends)) return;
    await chart.send(address, now);
  }

  end() {
    super.end();
    clearTimeout(this.timer);
    this.ghosts.remove();
    this.chart.plan.hidden = true;
  }
}

// From a dot at an end of a bar to another bar: which ends say how the one follows the other.
class Linking extends Gesture {
  constructor(chart, task, dot, event) {
    super(chart, task, event);
    this.isFromStart = dot.dataset.end === "start";
    this.line = document.createElementNS(SVG, "line");
    this.line.setAttribute("class", "gantt-linking");
    for (const [name, from] of [
      ["x1", "cx"],
      ["y1", "cy"],
      ["x2", "cx"],
      ["y2", "cy"],
    ]) {
      this.line.setAttribute(name, dot.getAttribute(from));
    }
    chart.querySelector(".gantt-lines").append(this.line);
    chart.classList.add("is-linking");
  }

  follow(event) {
    this.chart.hasDragged = true;
    const box = this.chart.querySelector(".gantt-lines").getBoundingClientRect();
    this.line.setAttribute("x2", event.clientX - box.left);
    this.line.setAttribute("y2", event.clientY - box.top);
  }

  async release(event) {
    const { chart, task } = this;
    this.line.remove();
    const after = document.elementFromPoint(event.clientX, event.clientY)?.closest(".gantt-task");
    this.end();
    if (!after || after === task || !chart.contains(after)) return;
    const box = after.querySelector(".gantt-bar").getBoundingClientRect();
    const isToStart = event.clientX < box.left + box.width / 2;
    const kind = `${this.isFromStart ? "s" : "f"}${isToStart ? "s" : "f"}`;
    const values = { before: `#${task.dataset.task}`, kind, lag: "0" };
    await chart.send(after.dataset.dependencies, values);
  }

  end() {
    super.end();
    this.line.remove();
    this.chart.classList.remove("is-linking");
  }
}

customElements.define("gantt-chart", GanttChart);
