// A folder as one works in it: what others change waits behind a chip, and what is chosen has a bar of its own.
//
//   <drive-folder folder="7">  around the list, or around a file that is in that folder

import { newest } from "../js/push.js";

const htmx = window.htmx;

class DriveFolder extends HTMLElement {
  connectedCallback() {
    this.onMessage = ({ detail: { topic, kind, payload } }) =>
      topic === "drive" && kind === "folder" && this.hear(payload);
    // Whatever was told during a gap may have been about this folder.
    this.onGap = () => this.tell();
    document.addEventListener("push:message", this.onMessage);
    document.addEventListener("push:reset", this.onGap);
    this.known = newest("drive", "folder");
    this.addEventListener("change", ({ target }) => target.name === "items" && this.count());
    this.addEventListener("click", ({ target }) => target.closest("[data-renew]") && this.renew());
    this.addEventListener("htmx:afterSettle", () => this.count());
  }

  disconnectedCallback() {
    document.removeEventListener("push:message", this.onMessage);
    document.removeEventListener("push:reset", this.onGap);
  }

  hear(payload) {
    const isHere = String(payload.folder) === this.getAttribute("folder");
    if (isHere && String(payload.by) !== document.body.dataset.user) this.tell();
  }

  tell() {
    const news = this.querySelector(".news");
    if (news && !news.querySelector("button")) news.append(news.querySelector("template").content.cloneNode(true));
  }

  renew() {
    this.querySelector(".news button")?.remove();
    htmx.trigger(document.body, "drive-changed");
  }

  count() {
    const bar = this.querySelector("#chosen");
    if (!bar) return;
    const chosen = this.querySelectorAll("[name=items]:checked").length;
    bar.hidden = !chosen;
    bar.querySelector("[data-count]").textContent = chosen ? `${bar.dataset.label} ${chosen}` : "";
  }
}

customElements.define("drive-folder", DriveFolder);
