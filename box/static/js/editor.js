// The editor of a <rich-text>: its keys, its tools, and whom one may call with @.

import {
  Editor,
  Extension,
  Link,
  Mention,
  Placeholder,
  StarterKit,
  Table,
  TableCell,
  TableHeader,
  TableRow,
  textblockTypeInputRule,
} from "../vendor/editor.js";

const LEVELS = [3, 4];

/** An editor in place of the host's text area, which holds `html` at first. */
export function editorFor(host, html) {
  const place = document.createElement("div");
  host.field.before(place);
  const tools = host.querySelector("template")?.content.firstElementChild.cloneNode(true);
  const editor = new Editor({
    element: place,
    content: html,
    // A space at the end is somebody between two words: the text area is typed into until this takes its place.
    parseOptions: { preserveWhitespace: true },
    // Its style sheet would be inline, which our policy forbids: css/prose.css has what is needed of it.
    injectCSS: false,
    extensions: extensions(host),
    editorProps: {
      attributes: attributesOf(host.field),
      transformPastedHTML: fromOffice,
      // Files go to the form's list of files. A table from Excel comes with its picture: the table is meant.
      handlePaste: (_view, event) => event.clipboardData.files.length > 0 && !holdsTable(event.clipboardData),
      handleDrop: (_view, event) => event.dataTransfer.files.length > 0,
    },
    onUpdate: () => host.changed(),
    onTransaction: ({ editor }) => tools && showState(tools, editor),
  });
  if (tools) {
    host.append(tools);
    useTools(tools, editor);
    showState(tools, editor);
  }
  return editor;
}

// What was the area's is now the editor's: a label belongs to one field.
function attributesOf(field) {
  const attributes = { role: "textbox", "aria-multiline": "true", class: "prose rich-field" };
  for (const name of ["aria-label", "aria-invalid", "aria-describedby"]) {
    if (field.hasAttribute(name)) attributes[name] = field.getAttribute(name);
    field.removeAttribute(name);
  }
  if (field.id) {
    attributes.id = field.id;
    field.removeAttribute("id");
  }
  return attributes;
}

const extensions = (host) => [
  StarterKit.configure({ heading: { levels: LEVELS }, link: false, trailingNode: false }),
  OurLink.configure({
    openOnClick: false,
    defaultProtocol: "https",
    HTMLAttributes: { rel: null, target: null },
  }),
  Table,
  TableRow,
  TableCell,
  TableHeader,
  Placeholder.configure({ placeholder: host.field.placeholder }),
  Person.configure({ suggestion: suggestionsOf(host) }),
  Keys.configure({ host }),
];

// Tags become links on the server: here they are words.
const OurLink = Link.extend({
  parseHTML: () => [{ tag: "a[href]:not(.hashtag):not([data-mention])" }],
});

const Keys = Extension.create({
  name: "keys",
  addKeyboardShortcuts() {
    return {
      "Mod-Enter": () => {
        this.options.host.form.requestSubmit();
        return true;
      },
    };
  },
  // As people know it from elsewhere: one # is a heading, two are a smaller one.
  addInputRules() {
    return LEVELS.map((level, index) =>
      textblockTypeInputRule({
        find: new RegExp(`^#{${index + 1}}\\s$`),
        type: this.editor.schema.nodes.heading,
        getAttributes: { level },
      }),
    );
  },
});

// Whom one calls.

const Person = Mention.extend({
  addAttributes: () => ({
    id: { parseHTML: (element) => element.dataset.mention, renderHTML: ({ id }) => ({ "data-mention": id }) },
    label: { parseHTML: (element) => element.textContent.replace(/^@/, ""), renderHTML: () => ({}) },
  }),
  parseHTML: () => [{ tag: "[data-mention]", priority: 100 }],
  renderHTML: ({ node }) => ["span", { "data-mention": node.attrs.id, class: "mention" }, `@${node.attrs.label}`],
  renderText: ({ node }) => `@${node.attrs.label}`,
});

function suggestionsOf(host) {
  return {
    char: "@",
    debounce: 120,
    container: host,
    allowedPrefixes: null,
    // A first name, a patronymic and a last name are one call.
    allowSpaces: true,
    // An address of mail is no call.
    allow: ({ state, range }) => !/\w/.test(state.doc.textBetween(Math.max(0, range.from - 1), range.from, " ", " ")),
    items: ({ query }) => peopleOf(host, query),
    command: ({ editor, range, props }) =>
      editor
        .chain()
        .focus()
        .insertContentAt(range, [
          { type: "mention", attrs: { id: String(props.id), label: props.name } },
          { type: "text", text: " " },
        ])
        .run(),
    render: () => new Suggestions(),
  };
}

const MOST_WORDS = 3;
let nobody = null;

/** Whom `query` may mean. What goes on after a call that found nobody is a sentence, and asks nothing. */
export async function peopleOf(host, query) {
  const words = query.split(/\s+/).filter(Boolean);
  const goesOn = nobody !== null && query.startsWith(nobody) && words.length > 1;
  if (/^\s/.test(query) || words.length > MOST_WORDS || goesOn) return [];
  const found = await host.people(query);
  nobody = found.length ? null : query;
  return found;
}

let lists = 0;

/** The list under the @ that one is typing. The caret stays in the text, as in any list that completes. */
class Suggestions {
  constructor() {
    this.list = document.createElement("div");
    this.list.className = "sheet suggestions";
    this.list.id = `suggestions-${++lists}`;
    this.list.setAttribute("role", "listbox");
    // A press must not take the caret out of the text.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", ({ target }) => {
      const item = target.closest("[role=option]");
      if (item) this.choose([...this.list.children].indexOf(item));
    });
    for (const name of ["onStart", "onUpdate", "onKeyDown", "onExit"]) this[name] = this[name].bind(this);
  }

  onStart(props) {
    this.field = props.editor.view.dom;
    this.list.setAttribute("aria-label", this.field.getAttribute("aria-label") ?? "@");
    this.unmount = props.mount(this.list);
    this.onUpdate(props);
  }

  onUpdate(props) {
    this.props = props;
    this.list.replaceChildren(...props.items.map((person, index) => this.option(person, index)));
    this.list.hidden = !props.items.length;
    this.mark(0);
  }

  option(person, index) {
    const item = document.createElement("div");
    item.className = "item";
    item.id = `${this.list.id}-${index}`;
    item.setAttribute("role", "option");
    const name = document.createElement("span");
    name.textContent = person.name;
    const about = document.createElement("span");
    about.className = "soft small";
    about.textContent = person.about;
    item.append(name, about);
    if (person.away) {
      const away = document.createElement("span");
      away.className = "tag warn";
      away.textContent = person.away;
      item.append(away);
    }
    return item;
  }

  mark(index) {
    const { length } = this.list.children;
    this.at = length ? (index + length) % length : 0;
    for (const [place, item] of [...this.list.children].entries()) {
      item.setAttribute("aria-selected", String(place === this.at));
      if (place === this.at) item.scrollIntoView({ block: "nearest" });
    }
    this.field.setAttribute("aria-controls", this.list.id);
    if (length) this.field.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
    else this.field.removeAttribute("aria-activedescendant");
  }

  choose(index) {
    const person = this.props.items[index];
    if (person) this.props.command(person);
    return Boolean(person);
  }

  onKeyDown({ event, view, range }) {
    if (!this.list.children.length) return false;
    // One has gone on writing, and the list is of what stood there before: Enter is a line.
    const now = view.state.doc.textBetween(range.from, range.to);
    if (/\s/.test(now) && now !== this.props.text) return false;
    if (event.key === "ArrowDown") this.mark(this.at + 1);
    else if (event.key === "ArrowUp") this.mark(this.at - 1);
    else if (event.key === "Enter" || event.key === "Tab") return this.choose(this.at);
    else return false;
    return true;
  }

  onExit() {
    this.unmount?.();
    this.field?.removeAttribute("aria-controls");
    this.field?.removeAttribute("aria-activedescendant");
  }
}

// The tools above the keyboard.

const DO = {
  bold: (chain) => chain.toggleBold(),
  italic: (chain) => chain.toggleItalic(),
  strike: (chain) => chain.toggleStrike(),
  code: (chain) => chain.toggleCode(),
  heading: (chain) => chain.toggleHeading({ level: LEVELS[0] }),
  bulletList: (chain) => chain.toggleBulletList(),
  orderedList: (chain) => chain.toggleOrderedList(),
  blockquote: (chain) => chain.toggleBlockquote(),
  codeBlock: (chain) => chain.toggleCodeBlock(),
  table: (chain) => chain.insertTable({ rows: 3, cols: 3, withHeaderRow: true }),
  addRow: (chain) => chain.addRowAfter(),
  addColumn: (chain) => chain.addColumnAfter(),
  deleteRow: (chain) => chain.deleteRow(),
  deleteColumn: (chain) => chain.deleteColumn(),
  deleteTable: (chain) => chain.deleteTable(),
  unlink: (chain) => chain.extendMarkRange("link").unsetLink(),
};

function showState(tools, editor) {
  for (const button of tools.querySelectorAll("[aria-pressed]")) {
    button.setAttribute("aria-pressed", String(editor.isActive(button.dataset.do)));
  }
  tools.toggleAttribute("data-in-table", editor.isActive("table"));
  tools.toggleAttribute("data-in-link", editor.isActive("link"));
}

function useTools(tools, editor) {
  const row = tools.querySelector("[role=toolbar]");
  const address = tools.querySelector("[data-address]");
  const shown = () => [...row.querySelectorAll("button")].filter((button) => button.offsetParent);
  // A press must not take the caret out of the text.
  tools.addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());
  tools.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-do]");
    if (!button) return;
    if (button.dataset.do === "link") return askAddress();
    if (button.dataset.do === "setLink") return setLink();
    DO[button.dataset.do](editor.chain().focus()).run();
  });
  // One stop of the Tab key, and the arrows within.
  row.addEventListener("keydown", (event) => {
    const all = shown();
    const at = all.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") editor.commands.focus();
    if (next === undefined || at < 0) return;
    event.preventDefault();
    const button = all[(next + all.length) % all.length];
    for (const other of row.querySelectorAll("button")) other.tabIndex = other === button ? 0 : -1;
    button.focus();
  });

  const field = address.querySelector("input");
  function askAddress() {
    address.hidden = false;
    field.value = editor.getAttributes("link").href ?? "";
    field.focus();
  }
  function setLink() {
    const chain = editor.chain().focus().extendMarkRange("link");
    const href = field.value.trim();
    address.hidden = true;
    if (!href) return chain.unsetLink().run();
    const whole = /^([a-z]+:|\/)/i.test(href) ? href : `https://${href}`;
    if (editor.state.selection.empty && !editor.isActive("link")) {
      chain.insertContent({ type: "text", text: href, marks: [{ type: "link", attrs: { href: whole } }] }).run();
    } else chain.setLink({ href: whole }).run();
  }
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") setLink();
    else if (event.key === "Escape") {
      address.hidden = true;
      editor.commands.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  // Not a field of the form: what is typed here is no draft.
  field.addEventListener("input", (event) => event.stopPropagation());
}

// What lies on the clipboard.

export const holdsTable = (clipboard) => /<table[\s>]/i.test(clipboard.getData("text/html"));

const MARKER = /<!(?:--)?\[if !supportLists\](?:--)?>([\s\S]*?)<!(?:--)?\[endif\](?:--)?>/i;

/** Lists of Word are paragraphs that look like lists; headings are cut to the two that there are here. */
function fromOffice(html) {
  const listed = html.replace(/<p[^>]*class=["']?MsoListParagraph[^>]*>([\s\S]*?)<\/p>/gi, (_whole, inner) => {
    const marker =
      inner
        .match(MARKER)?.[1]
        .replace(/<[^>]*>|&nbsp;/g, "")
        .trim() ?? "";
    const list = /^[\da-zа-я]{1,4}[.)]/i.test(marker) ? "ol" : "ul";
    return `<${list}><li>${inner.replace(MARKER, "")}</li></${list}>`;
  });
  const merged = listed
    .replace(/<\/(ul|ol)>\s*<\1>/g, "")
    .replace(/<style[\s>][\s\S]*?<\/style>/gi, "")
    .replace(/<(\/?)h[12](?=[\s>])/gi, "<$1h3")
    .replace(/<(\/?)h[56](?=[\s>])/gi, "<$1h4")
    // Styles and handlers do nothing here, and our policy would complain of each.
    .replace(/<[^>]+>/g, (tag) => tag.replace(/\s(style|on\w+)(?=\s*=)/gi, " data-$1"));
  return withWeights(new DOMParser().parseFromString(merged, "text/html")).body.innerHTML;
}

/** What Google Docs and others say in styles, said in words. */
function withWeights(page) {
  for (const element of page.querySelectorAll("[data-style]")) {
    const style = element.dataset.style;
    const weight = style.match(/font-weight:\s*(\w+)/i)?.[1];
    if (element.matches("b, strong") && /^(normal|[1-5]00)$/i.test(weight)) element.replaceWith(...element.childNodes);
    else if (element.matches("span")) {
      if (/^(bold|bolder|[6-9]00)$/i.test(weight)) wrap(element, "strong");
      if (/font-style:\s*italic/i.test(style)) wrap(element, "em");
      if (/line-through/i.test(style)) wrap(element, "s");
    }
  }
  return page;
}

function wrap(element, name) {
  const inner = document.createElement(name);
  inner.append(...element.childNodes);
  element.append(inner);
}
