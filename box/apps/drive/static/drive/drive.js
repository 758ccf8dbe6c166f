// A folder as one works in it: what others change waits behind a chip.
//
//   <drive-folder folder="7">  around the chip's .news, or around a file that is in that folder

import { isByMe, Live } from "../js/live.js";

const htmx = window.htmx;

class DriveFolder extends Live {
  connectedCallback() {
    super.connectedCallback();
    this.addEventListener("click", ({ target }) => target.closest("[data-renew]") && this.show());
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
}

customElements.define("drive-folder", DriveFolder);
