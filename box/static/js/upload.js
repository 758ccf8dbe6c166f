// Files go from the browser straight to the store, in parts, while one writes on.
//
//   <upload-list data-url="/files/uploads/">  inside a form: chosen files, and dropped or pasted ones (drop.js)
//   <upload-list ... data-name="x">              sent under this name in place of `files`
//   <upload-list ... data-sends>              the form is sent by itself when all of them have arrived, also
//                                             when one is on another page by then
//
// What is being uploaded belongs to the tab, not to the page: one may leave the feed and come back, and the
// bar is still moving. A file that has arrived is part of the draft.

import { texts, toast } from "./toasts.js";

const AT_ONCE = 3;
const ATTEMPTS = 6;
const SLOWEST_RETRY = 15_000;

// A turnstile for all uploads of this tab: the store gets three parts at a time, however many files there are.
const queue = [];
let running = 0;

async function inTurn(work) {
  if (running >= AT_ONCE) await new Promise((enter) => queue.push(enter));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    queue.shift()?.();
  }
}

const pause = (attempt) =>
  new Promise((done) => setTimeout(done, Math.min(SLOWEST_RETRY, 500 * 2 ** attempt) * (0.5 + Math.random())));

class Refused extends Error {}

/** One file on its way: `state` is waiting, sending, done, failed or cancelled; `change` events tell of it. */
class Upload extends EventTarget {
  constructor(file, url) {
    super();
    this.file = file;
    this.name = file.name;
    this.size = file.size;
    this.url = url;
    this.nonce = crypto.randomUUID();
    this.state = "waiting";
    this.sent = [];
    this.stop = new AbortController();
  }

  get progress() {
    const sent = this.sent.reduce((sum, bytes) => sum + (bytes ?? 0), 0);
    return this.size ? sent / this.size : this.state === "done" ? 1 : 0;
  }

  get isOver() {
    return !["waiting", "sending"].includes(this.state);
  }

  async run() {
    try {
      this.set("sending");
      const begun = await this.ask(this.url, { name: this.name, size: this.size, nonce: this.nonce });
      this.links = new Map(begun.parts.map((link, index) => [index, link]));
      this.partsUrl = `${this.url}${begun.id}/parts/`;
      const etags = await Promise.all(
        Array.from({ length: begun.part_count }, (_, index) => inTurn(() => this.sendPart(index, begun.part_size))),
      );
      const file = await this.ask(`${this.url}${begun.id}/completion`, { etags });
      this.id = file.id;
      this.set("done");
    } catch (error) {
      if (this.stop.signal.aborted) {
        if (this.partsUrl) this.forget();
        return;
      }
      this.problem = error instanceof Refused ? error.message : texts().failed;
      this.stop.abort();
      this.set("failed");
    }
  }

  cancel() {
    this.set("cancelled");
    this.stop.abort();
  }

  // The sweep would find what is left of it; telling at once frees the space at once.
  forget() {
    fetch(this.partsUrl.replace(/parts\/$/, ""), { method: "DELETE", headers: headers() }).catch(() => {});
  }

  set(state) {
    if (this.state === "cancelled") return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  async sendPart(index, size) {
    const part = this.file.slice(index * size, (index + 1) * size);
    for (let attempt = 0; ; attempt += 1) {
      this.stop.signal.throwIfAborted();
      try {
        return await this.put(await this.link(index), part, index);
      } catch (error) {
        this.stop.signal.throwIfAborted();
        if (error instanceof Refused || attempt + 1 >= ATTEMPTS) throw error;
        // A link lives for a minute, and a part may have waited longer for its turn.
        this.links.delete(index);
        this.sent[index] = 0;
        await pause(attempt);
      }
    }
  }

  async link(index) {
    if (!this.links.has(index)) {
      const { parts } = await this.ask(`${this.partsUrl}?from=${index + 1}`);
      parts.forEach((link, offset) => this.links.set(index + offset, link));
    }
    return this.links.get(index);
  }

  put(link, part, index) {
    return new Promise((resolve, reject) => {
      // fetch() cannot tell how much of a body has been sent.
      const request = new XMLHttpRequest();
      const abort = () => request.abort();
      this.stop.signal.addEventListener("abort", abort);
      request.addEventListener("loadend", () => this.stop.signal.removeEventListener("abort", abort));
      request.upload.addEventListener("progress", ({ loaded }) => {
        this.sent[index] = loaded;
        this.dispatchEvent(new Event("change"));
      });
      request.addEventListener("load", () => {
        const etag = request.getResponseHeader("ETag");
        if (request.status === 200 && etag) {
          this.sent[index] = part.size;
          resolve(etag);
        } else reject(new Error(`The store answered ${request.status}`));
      });
      request.addEventListener("error", () => reject(new Error("no connection")));
      request.addEventListener("abort", () => reject(new Error("aborted")));
      request.open("PUT", link);
      request.send(part);
    });
  }

  // Asks the portal, again after failures that may pass. The nonce makes that harmless.
  async ask(url, body) {
    for (let attempt = 0; ; attempt += 1) {
      this.stop.signal.throwIfAborted();
      const answer = await fetch(url, {
        method: body ? "POST" : "GET",
        headers: { ...headers(), "Content-Type": "application/json" },
        body: body && JSON.stringify(body),
        redirect: "manual",
        signal: this.stop.signal,
      }).catch(() => null);
      if (answer?.ok) return answer.json();
      if (answer?.type === "opaqueredirect") location.reload();
      const mayPass = !answer || answer.status >= 500 || answer.status === 429;
      if (!mayPass || attempt + 1 >= ATTEMPTS) throw await refusal(answer);
      await pause(attempt);
    }
  }
}

async function refusal(answer) {
  const said = await answer?.json().catch(() => null);
  return new Refused(said?.error ?? (answer ? texts().failed : texts().offline));
}

// What a browser shows of a file that is none of a page's.
const PICTURE = /^image\/(png|jpeg|gif|webp|avif)$/;

// A browser decodes all of it for a thumbnail.
const LARGEST_SHOWN = 20_000_000;
// Pixels, of which the page shows a quarter.
const THUMBNAIL_HEIGHT = 160;

/** The picture itself beside its name; nothing where it is none, whatever it is called. */
function thumbnail(file) {
  // Not by an address: htmx copies a page that one leaves, and a copied picture fetches its address once more.
  const picture = Object.assign(document.createElement("canvas"), { hidden: true, ariaHidden: "true" });
  createImageBitmap(file, { resizeHeight: THUMBNAIL_HEIGHT }).then(
    (bitmap) => {
      Object.assign(picture, { width: bitmap.width, height: bitmap.height, hidden: false });
      picture.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
    },
    () => picture.remove(),
  );
  return picture;
}

const headers = () => JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");

// By form, so that a page that is shown again finds its own.
const uploads = new Map();
const keyOf = ({ form, name }) => `${form.dataset.draft ?? form.action} ${name}`;
// The list on the page, or the last one that was: one of them sends what has arrived.
const lists = new Map();
const ofList = (list) => uploads.get(keyOf(list)) ?? uploads.set(keyOf(list), []).get(keyOf(list));

addEventListener("beforeunload", (event) => {
  if ([...uploads.values()].flat().some((upload) => !upload.isOver)) event.preventDefault();
});

class UploadList extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.rows = new Map();
    lists.set(keyOf(this), this);
    this.template = this.querySelector("template");
    this.list = this.querySelector("ul");
    this.input = this.querySelector("input[type=file]");
    this.input.addEventListener("change", () => {
      this.add([...this.input.files]);
      this.input.value = "";
    });
    this.form.addEventListener("htmx:confirm", (event) => this.hold(event));
    this.form.addEventListener("draft:save", ({ detail }) => {
      detail[this.name] = this.own
        .filter(({ state }) => state === "done")
        .map(({ id, name, size }) => ({ id, name, size }));
    });
    this.form.addEventListener("draft:restore", ({ detail }) => this.takeBack(detail[this.name] ?? []));
    this.form.addEventListener("draft:dropped", () => this.clear());
    if ("sends" in this.dataset) {
      this.form.addEventListener("htmx:afterRequest", ({ detail }) => {
        if (detail.elt === this.form && detail.successful) this.clear();
      });
    }
    for (const upload of this.own) this.show(upload);
    this.sendAll();
  }

  // As what the form sends the files: a form may ask for several kinds of them.
  get name() {
    return this.dataset.name ?? "files";
  }

  get own() {
    return ofList(this);
  }

  add(files) {
    if (this.own.length + files.length > Number(this.dataset.most)) {
      toast(texts().tooManyFiles, { isError: true });
      return;
    }
    for (const file of files) {
      const upload = new Upload(file, this.dataset.url);
      this.own.push(upload);
      this.show(upload);
      upload.run();
    }
  }

  // Files that had arrived before the page was loaded anew.
  takeBack(files) {
    const known = new Set(this.own.map(({ id }) => id));
    for (const file of files.filter(({ id }) => !known.has(id))) {
      const upload = Object.assign(new Upload(file, this.dataset.url), { id: file.id, state: "done" });
      this.own.push(upload);
      this.show(upload);
    }
  }

  show(upload) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    row.querySelector("[data-name]").textContent = upload.name;
    row.querySelector("button").addEventListener("click", () => this.remove(upload));
    if (PICTURE.test(upload.file.type) && upload.size <= LARGEST_SHOWN) row.prepend(thumbnail(upload.file));
    this.list.append(row);
    this.rows.set(upload, row);
    const update = () => this.update(upload);
    upload.addEventListener("change", update);
    update();
  }

  update(upload) {
    const row = this.rows.get(upload);
    if (!row?.isConnected) {
      if (upload.isOver) this.sendAll();
      return;
    }
    row.dataset.state = upload.state;
    const bar = row.querySelector("progress");
    bar.value = upload.progress;
    bar.setAttribute("aria-label", upload.name);
    bar.hidden = upload.state === "done" || upload.state === "failed";
    row.querySelector("[data-size]").textContent = sized(upload);
    row.querySelector("[data-problem]").textContent = upload.problem ?? "";
    if (upload.state === "done" && !row.querySelector("input")) {
      const field = Object.assign(document.createElement("input"), {
        type: "hidden",
        name: this.name,
        value: upload.id,
      });
      row.append(field);
      this.form.dispatchEvent(new CustomEvent("draft:changed", { bubbles: true }));
    }
    if (upload.isOver) {
      this.release();
      this.sendAll();
    }
  }

  // One that failed stays, and says why; the others need not wait for it.
  sendAll() {
    const isBusy = this.isSending || this.form.classList.contains("htmx-request");
    if (!("sends" in this.dataset) || isBusy || lists.get(keyOf(this)) !== this) return;
    const arrived = this.own.filter(({ state }) => state === "done");
    if (!arrived.length || !this.own.every(({ isOver }) => isOver)) return;
    if (this.isConnected) this.form.requestSubmit();
    else this.sendFromElsewhere(arrived);
  }

  async sendFromElsewhere(arrived) {
    this.isSending = true;
    const body = new FormData(this.form);
    body.delete(this.name);
    for (const { id } of arrived) body.append(this.name, id);
    const answer = await fetch(this.form.action, {
      method: "POST",
      headers: { ...headers(), "HX-Request": "true" },
      body,
    }).catch(() => null);
    this.isSending = false;
    // Without an answer it is sent when one comes back to the page: the nonce makes that harmless.
    if (!answer?.ok) return toast(answer ? texts().failed : texts().offline, { isError: true });
    this.clear();
    toast(JSON.parse(answer.headers.get("HX-Trigger") ?? "{}").toast?.value);
  }

  remove(upload) {
    if (!upload.isOver) upload.cancel();
    this.own.splice(this.own.indexOf(upload), 1);
    this.rows.get(upload)?.remove();
    this.rows.delete(upload);
    this.form.dispatchEvent(new CustomEvent("draft:changed", { bubbles: true }));
    this.release();
  }

  clear() {
    const failed = "sends" in this.dataset ? this.own.filter(({ state }) => state === "failed") : [];
    for (const upload of this.own.filter((one) => !failed.includes(one))) {
      this.rows.get(upload)?.remove();
      this.rows.delete(upload);
    }
    this.own.splice(0, Infinity, ...failed);
  }

  // Sent while files are still on their way: it goes when they are there.
  hold(event) {
    if (event.target !== this.form || this.own.every((upload) => upload.isOver)) return;
    event.preventDefault();
    this.held = event.detail.issueRequest;
    this.form.classList.add("held");
  }

  release() {
    if (!this.held || !this.own.every((upload) => upload.isOver)) return;
    const send = this.held;
    this.held = null;
    this.form.classList.remove("held");
    // A file that failed is for the person to decide about.
    if (this.own.every(({ state }) => state === "done")) send(true);
  }
}

function sized({ size, state, progress }) {
  const format = new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit",
    unit: size < 1e6 ? "kilobyte" : size < 1e9 ? "megabyte" : "gigabyte",
    maximumFractionDigits: 1,
  });
  const unit = size < 1e6 ? 1e3 : size < 1e9 ? 1e6 : 1e9;
  if (state !== "sending") return format.format(size / unit);
  return `${Math.floor(progress * 100)} % · ${format.format(size / unit)}`;
}

customElements.define("upload-list", UploadList);
