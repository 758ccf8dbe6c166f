// The clock of the working day. The server says how much was worked and whether it goes on; the browser counts
// on from there (see ../js/clocks.js), and asks again when another tab, or the box itself, has changed something.

import { Live } from "../js/live.js";

// The clock's state, as it was last said.
let shown = "";

class WorkClock extends Live {
  connectedCallback() {
    super.connectedCallback();
    this.ask({ isFirst: true });
  }

  isMine({ topic, kind }) {
    return topic === "worktime" && kind === "clock";
  }

  async renew({ isFirst }) {
    const before = shown;
    await window.htmx.ajax("GET", this.dataset.src, { source: this, target: this, swap: "innerHTML" }).catch(() => {});
    // What was told may be of another day: a correction that was decided on.
    if (!isFirst && shown === before) window.htmx.trigger(document.body, "work-changed");
  }
}
customElements.define("work-clock", WorkClock);

// A page that shows the day shows it anew.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id !== "work-clock") return;
  const face = target.querySelector(".clock-face");
  const state = face?.className ?? "";
  if (shown && state !== shown) window.htmx.trigger(document.body, "work-changed");
  shown = state;
});
