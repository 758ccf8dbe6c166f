// Loaded before every test file: a document, and the addresses under which the portal serves its scripts.
//
// A fake stands here for the browser (happy-dom: no layout, no store, no push service) and for htmx, whose requests
// are written down. What needs a real browser is tested in tests/e2e.

import { existsSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const ours = createRequire(join(root, "box/frontend/package.json"));

// All static folders are one on the portal: /static/js/push.js is box/static/js/push.js.
const SHARED = [join(root, "box/static"), join(root, "box/frontend/dist")];

registerHooks({
  resolve(specifier, context, next) {
    const [, name] = specifier.match(/^\.\.\/((?:js|vendor)\/.+)$/) ?? [];
    const file = name && SHARED.map((folder) => join(folder, name)).find((one) => existsSync(one));
    return file ? { url: pathToFileURL(file).href, format: "module", shortCircuit: true } : next(specifier, context);
  },
  load(url, context, next) {
    const isOurs = url.startsWith(pathToFileURL(root).href) && !url.includes("node_modules");
    return next(url, isOurs ? { ...context, format: "module" } : context);
  },
});

const { GlobalRegistrator } = await import(pathToFileURL(ours.resolve("@happy-dom/global-registrator")).href);
GlobalRegistrator.register({
  url: "https://portal.test/feed/",
  settings: {
    disableCSSFileLoading: true,
    disableJavaScriptFileLoading: true,
    handleDisabledFileLoadingAsSuccess: true,
  },
});

// A document of a test begins without scripts: a script is imported once in a process, and hears of later pages.
globalThis.htmx = window.htmx = {
  asked: [],
  answer: null,
  ajax(verb, url, options = {}) {
    this.asked.push({ verb, url, ...options });
    return Promise.resolve(this.answer?.({ verb, url, ...options }));
  },
  triggered: [],
  trigger(_target, name) {
    this.triggered.push(name);
  },
  process() {},
};

// Chromium has them, happy-dom has not.
globalThis.matchMedia = window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} });
Element.prototype.scrollIntoView ??= () => {};
globalThis.Option ??= function Option(text, value) {
  return Object.assign(document.createElement("option"), { text, value: String(value) });
};
