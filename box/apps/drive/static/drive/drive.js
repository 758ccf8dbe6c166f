// A folder as one works in it: what others change waits behind a chip, and what is chosen has a bar of its own.
//
//   <drive-folder folder="7">  around the list, or around a file that is in that folder

import { isByMe, Live } from "../js/live.js";

const htmx = window.htmx;

class DriveFolder extends Live {
  connectedCallback() {
    super.connectedCallback();
    this.addEventListener("change", ({ target }) => target.name === "items" && this.count());
    this.addEventListener("click", ({ target }) => target.closest("[data-renew]") && this.show());
    this.addEventListener("htmx:afterSettle", () => this.count());
  }

  isMine({ topic, kind, payload }) {
    if (topic !== "drive" || kind !== "folder" || isByMe(payload)) return false;
    return String(payload.folder) === this.getAttribute("folder");
  }

  // Nobody is asked for a chip.
  wait() {}

  renew() {
    const news = this.querySelector(".news");
    if (news && !news.querySelector("button")) news.append(news.querySelector("template").content.cloneNode(true));
  }

  show() {
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
