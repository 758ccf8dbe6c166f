// Rich text where there was a text area. What it may hold, the server decides: see box/lib/rich_text.py.
//
//   <rich-text data-people="/discussion/people/"><textarea name="text"></textarea><input type="hidden" name="html">
//     <template>…the tools…</template></rich-text>
//
// The editor is fetched when the field is first touched. Until then, and without it, the area is what it looks like.

import { texts, toast } from "./toasts.js";

const isEmptyText = (text) => !text.trim();

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Plain text as the editor takes it: an empty line begins a paragraph. */
const paragraphs = (text) =>
  text
    .split(/\n\s*\n/)
    .map((one) => `<p>${escaped(one).replaceAll("\n", "<br>")}</p>`)
    .join("");

class RichText extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("textarea");
    this.html = this.querySelector("input[name=html]");
    this.form = this.closest("form");
    this.stop = new AbortController();
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.stop.signal });
    on(this, "focusin", () => this.open());
    on(this, "pointerenter", () => import("./editor.js").catch(() => {}));
    // Typed before the editor came: the plain text is the newer one.
    on(this.field, "input", () => this.editor || (this.html.value = ""));
    on(this.form, "draft:save", ({ detail }) => (detail.html = this.html.value));
    on(
      this.form,
      "draft:restore",
      ({ detail }) => this.html.value || this.put(detail.html || paragraphs(this.field.value)),
    );
    on(this.form, "draft:dropped", () => this.put(""));
    if (this.html.value) this.open();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.editor?.destroy();
    this.editor = null;
  }

  /** What was written so far, by whomever: the editor shows it as soon as it is there. */
  put(html) {
    this.html.value = html;
    const { parseOptions } = this.editor?.options ?? {};
    if (this.editor) this.editor.commands.setContent(html, { emitUpdate: false, parseOptions });
    else if (html && !isEmptyText(this.field.value)) this.open();
  }

  async open() {
    this.dataset.open = "";
    if (this.opening) return;
    this.opening = true;
    const { editorFor } = await import("./editor.js").catch(() => ({}));
    if (!this.isConnected) return;
    if (!editorFor) {
      this.opening = false;
      return;
    }
    const hadFocus = document.activeElement === this.field;
    this.editor = editorFor(this, this.html.value || paragraphs(this.field.value));
    if (hadFocus) {
      // At once, and before the area goes: what is being typed must not fall between the two.
      this.editor.commands.setTextSelection(this.editor.state.doc.content.size);
      this.editor.view.focus();
    }
    this.field.hidden = true;
  }

  /** The editor has changed: the form's fields say what it says. */
  changed() {
    this.html.value = this.editor.isEmpty ? "" : this.editor.getHTML();
    this.field.value = this.editor.getText();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async people(query) {
    const address = new URL(this.dataset.people, location.href);
    address.searchParams.set("q", query);
    const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) return (await answer.json()).people;
    toast(texts().failed, { isError: true });
    return [];
  }
}

customElements.define("rich-text", RichText);
