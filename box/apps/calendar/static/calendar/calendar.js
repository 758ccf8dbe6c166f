// The calendar as one works in it: days, weeks, months and an agenda; drawn, dragged and stretched.
//
//   <work-calendar data-items="/calendar/items/" ...>  around the grid, its toolbar and its switches
//
// FullCalendar draws; what there is, each fetch says anew. What others change is fetched in place: the days stay
// where they are, and an open dialog lies above them.

import { isByMe, Live } from "../js/live.js";
import { toast } from "../js/toasts.js";

const htmx = window.htmx;
const VIEWS = { day: "timeGridDay", week: "timeGridWeek", month: "dayGridMonth", agenda: "listMonth" };
const KEYS = { d: "day", w: "week", m: "month", a: "agenda" };
const MOVES = { ArrowLeft: "prev", ArrowRight: "next", t: "today" };
const STORE = "calendar";
const HOUR = 3_600_000;
const isNarrow = () => matchMedia("(max-width: 40rem)").matches;

const remembered = () => JSON.parse(localStorage.getItem(STORE) ?? "{}");
const remember = (what) => localStorage.setItem(STORE, JSON.stringify({ ...remembered(), ...what }));

class WorkCalendar extends Live {
  async connectedCallback() {
    super.connectedCallback();
    this.off = new Set(remembered().off ?? []);
    this.restoreSwitches();
    this.addEventListener("click", (event) => this.click(event));
    this.addEventListener("change", (event) => this.switch(event));
    this.onKey = (event) => this.key(event);
    this.onChange = () => this.calendar?.refetchEvents();
    document.addEventListener("keydown", this.onKey);
    document.body.addEventListener("calendar-changed", this.onChange);
    document.body.addEventListener("calendar-done", this.onChange);
    try {
      const library = await import(this.dataset.library);
      if (this.isConnected) this.draw(library);
    } catch (error) {
      this.querySelector("[data-grid]").textContent = this.dataset.failed;
      throw error;
    }
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.onKey);
    document.body.removeEventListener("calendar-changed", this.onChange);
    document.body.removeEventListener("calendar-done", this.onChange);
    this.calendar?.destroy();
  }

  draw({ Calendar, dayGrid, interaction, list, ru, theme, timeGrid }) {
    const { zone, begins, ends, works, allDay, nothing, more } = this.dataset;
    const asked = new URLSearchParams(location.search);
    const view = asked.get("view") ?? (isNarrow() ? "agenda" : remembered().view);
    this.calendar = new Calendar(this.querySelector("[data-grid]"), {
      plugins: [theme, dayGrid, timeGrid, list, interaction],
      locales: [ru],
      locale: document.documentElement.lang,
      firstDay: 1,
      timeZone: zone,
      initialView: VIEWS[view] ?? VIEWS.week,
      initialDate: asked.get("on") ?? undefined,
      headerToolbar: false,
      height: "auto",
      nowIndicator: true,
      scrollTime: begins,
      slotMinTime: "06:00",
      slotMaxTime: "23:00",
      businessHours: { daysOfWeek: works.split(",").map(Number), startTime: begins, endTime: ends },
      allDayText: allDay,
      allDayHeaderContent: allDay,
      noEventsText: nothing,
      moreLinkText: (count) => more.replace("{}", count),
      dayMaxEvents: 4,
      weekNumbers: true,
      weekNumberCalculation: "ISO",
      weekNumberFormat: { week: "numeric" },
      navLinks: true,
      // What is read out is what is seen.
      navLinkHint: () => "",
      selectable: true,
      selectMirror: true,
      editable: true,
      eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
      slotHeaderFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
      events: (span, found, failed) => this.fetch(span).then(found, failed),
      // Said by each event's own tint: it is the dot of lists, and of what lasts less than a day in a month.
      eventColor: "var(--edge)",
      eventClass: ({ event }) => this.classOf(event),
      eventTimeClass: "cal-time",
      eventTitleClass: "cal-title",
      eventDidMount: ({ el, event }) => this.label(el, event),
      // A cell is read out with what is in it, and not as its day alone.
      dayCellDidMount: ({ el }) => el.closest("[role=gridcell]")?.removeAttribute("aria-label"),
      eventClick: (info) => this.open(info),
      eventDrop: (info) => this.move(info),
      eventResize: (info) => this.move(info),
      select: (info) => this.plan(info),
      datesSet: ({ view }) => this.said(view),
    });
    this.calendar.render();
  }

  // What there is.

  async fetch({ startStr, endStr }) {
    const layers = [...this.querySelectorAll("[data-layer]:checked")].map((one) => one.dataset.layer);
    const address = new URL(this.dataset.items, location.href);
    address.search = new URLSearchParams({ start: startStr, end: endStr, layers: layers.join(",") });
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (answer.status === 401 || answer.redirected) location.assign(document.body.dataset.signIn);
    if (!answer.ok) {
      toast(this.dataset.failed, { isError: true });
      throw new Error(`${address} answered ${answer.status}`);
    }
    return (await answer.json()).filter(({ extendedProps }) => !this.off.has(extendedProps.calendar));
  }

  // Several messages within one wait are one question.
  isMine({ topic, kind, payload }) {
    return topic === "calendar" && kind === "changed" && !isByMe(payload);
  }

  renew() {
    this.calendar?.refetchEvents();
  }

  classOf({ extendedProps: { layer, tone, color, open, private: isPrivate } }) {
    const tint = layer ? `tint-layer ${tone ? `tint-${tone}` : ""}` : `tint-of-${color || "slate"}`;
    return `cal-event ${tint} ${open ? "is-open" : ""} ${isPrivate ? "is-private" : ""}`;
  }

  label(element, { title, extendedProps: { place, open, private: isPrivate, recurs } }) {
    const { unanswered, private: secret, repeats } = this.dataset;
    const facts = [title, place, open && unanswered, isPrivate && secret, recurs && repeats];
    element.title = facts.filter(Boolean).join(" · ");
    // In the agenda events are buttons, of which no list is made.
    element.closest("[role=list], [role=group]")?.setAttribute("role", "group");
  }

  // What one does.

  open({ event, jsEvent }) {
    jsEvent.preventDefault();
    const { url, layer } = event.extendedProps;
    if (!url) return;
    if (layer) return htmx.ajax("GET", url, { target: "#main", select: "#main", swap: "outerHTML" });
    this.openDialog(url);
  }

  openDialog(address) {
    htmx.ajax("GET", address, { source: this, target: "#calendar-dialog", swap: "innerHTML" });
  }

  plan({ startStr, endStr, allDay }) {
    const span = new URLSearchParams({ starts: startStr, ends: endStr, all_day: allDay });
    this.calendar.unselect();
    this.openDialog(`${this.dataset.new}?${span}`);
  }

  async move({ event, revert }) {
    const { event: number, at, recurs } = event.extendedProps;
    const scope = at && recurs ? await this.scope() : "all";
    if (!scope) return revert();
    const values = {
      starts: event.startStr,
      ends: event.endStr || this.endOf(event),
      all_day: event.allDay ? "on" : "",
      scope,
      at,
    };
    const token = JSON.parse(document.body.getAttribute("hx-headers"));
    const answer = await fetch(this.dataset.times.replace("/0/", `/${number}/`), {
      method: "POST",
      headers: { ...token, "HX-Request": "true" },
      body: new URLSearchParams(values),
    }).catch(() => null);
    const said = JSON.parse(answer?.headers.get("HX-Trigger") ?? "{}");
    if (!answer?.ok) {
      revert();
      return toast(said.toast?.value ?? this.dataset.failed, { isError: true });
    }
    toast(said.toast.value, { action: said.toast.action });
    this.calendar.refetchEvents();
  }

  // What was dropped among the hours from above them has no end yet: it lasts an hour, or a day.
  endOf({ start, allDay }) {
    const end = new Date(start.getTime() + (allDay ? 24 : 1) * HOUR);
    return allDay ? end.toISOString().slice(0, 10) : end.toISOString();
  }

  scope() {
    const dialog = this.querySelector("#calendar-scope");
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
    });
  }

  // What is shown.

  click({ target }) {
    const go = target.closest("[data-go]")?.dataset.go;
    if (go) this.calendar?.[go]();
    const view = target.closest("[data-view]")?.dataset.view;
    if (view) this.show(view);
  }

  show(view) {
    remember({ view });
    this.calendar?.changeView(VIEWS[view]);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], details[open] > .sheet")) return;
    if (KEYS[event.key]) this.show(KEYS[event.key]);
    else if (event.key === "n") this.openDialog(this.dataset.new);
    else if (MOVES[event.key] && !event.target.closest?.("[role=toolbar] .choices"))
      this.calendar?.[MOVES[event.key]]();
    else return;
    event.preventDefault();
  }

  said(view) {
    this.querySelector(".calendar-title").textContent = view.title;
    for (const button of this.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String(VIEWS[button.dataset.view] === view.type));
    }
  }

  restoreSwitches() {
    const { layers = {} } = remembered();
    for (const box of this.querySelectorAll("[data-switch]")) box.checked = !this.off.has(box.dataset.switch);
    for (const box of this.querySelectorAll("[data-layer]")) box.checked = layers[box.dataset.layer] ?? box.checked;
    if (isNarrow()) this.querySelector(".calendar-side").open = false;
  }

  switch({ target }) {
    if (target.dataset.switch) {
      this.off[target.checked ? "delete" : "add"](target.dataset.switch);
      remember({ off: [...this.off] });
    } else if (target.dataset.layer) {
      remember({ layers: { ...remembered().layers, [target.dataset.layer]: target.checked } });
    } else return;
    this.calendar?.refetchEvents();
  }
}

customElements.define("work-calendar", WorkCalendar);

// Somebody's day in a line: each stretch where the clock has it. Without a script they stand one after another.

class TeamLine extends HTMLElement {
  connectedCallback() {
    const [begins, ends] = [Number(this.dataset.begins), Number(this.dataset.ends)];
    const share = (minute) => (100 * (Math.min(Math.max(minute, begins), ends) - begins)) / (ends - begins);
    for (const block of this.querySelectorAll("[data-from]")) {
      const [from, to] = [share(Number(block.dataset.from)), share(Number(block.dataset.to))];
      block.hidden = from === to;
      block.style.insetInlineStart = `${from}%`;
      block.style.width = `${to - from}%`;
    }
    this.classList.add("is-placed");
  }
}

customElements.define("team-line", TeamLine);

// The form of an event asks only what its other answers leave open.

document.addEventListener("change", ({ target }) => {
  const form = target.closest?.("[data-event-form]");
  if (form) settle(form, target);
});
document.addEventListener("htmx:load", ({ detail }) => {
  for (const form of detail.elt.querySelectorAll?.("[data-event-form]") ?? []) settle(form);
  if (detail.elt.matches?.("[data-event-form]")) settle(detail.elt);
});

// A time that suits all is taken over with a press; how long it is, the form says.

document.addEventListener("click", ({ target }) => {
  const chosen = target.closest?.("[data-suggested]");
  if (!chosen) return;
  const { elements } = chosen.closest("[data-event-form]");
  elements.is_all_day.checked = false;
  elements.zone.value = elements.zone.options[0].value;
  for (const name of ["starts_on", "starts", "ends_on", "ends"]) {
    elements[name].value = chosen.getAttribute(`data-${name.replace("_", "-")}`);
  }
  if (chosen.dataset.room) elements.room.value = chosen.dataset.room;
  settle(chosen.closest("[data-event-form]"));
});

const at = (day, time) => new Date(`${day.value}T${time.value || "00:00"}`).getTime();

function settle(form, changed) {
  const { is_all_day: allDay, starts_on: first, ends_on: last, starts, ends } = form.elements;
  for (const part of form.querySelectorAll("[data-timed]")) part.hidden = allDay.checked;
  const length = Math.round((at(last, ends) - at(first, starts)) / 60_000);
  if (length > 0) form.elements.minutes.value = length;
  // What begins later ends later: nobody should have to change two fields for one thought.
  if (changed === first && last.value < first.value) last.value = first.value;
  if (changed === starts && first.value === last.value && ends.value <= starts.value) {
    const [hour, minute] = starts.value.split(":").map(Number);
    ends.value = `${String(Math.min(hour + 1, 23)).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
  }
}
