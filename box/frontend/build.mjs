// Puts what pages need of the libraries into dist/, which Django serves beside box/static.
//
// Copying is enough for what ships a browser build, and our own modules need no bundler over HTTP/2. A library that
// is many small packages (the editor) is bundled from a file here that names what we use of it.
// The icons are cut to those that are named in templates and Python: 40 of 5,000, in one SVG sprite. Tabler's style
// sheet is cut to the classes whose names stand anywhere in templates, Python or scripts: a tenth of it.

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build, transform } from "esbuild";
import { PurgeCSS } from "purgecss";

const here = dirname(fileURLToPath(import.meta.url));
const box = dirname(here);
const modules = join(here, "node_modules");
const dist = join(here, "dist");

const LIBRARIES = {
  "vendor/htmx.js": "htmx.org/dist/htmx.min.js",
  "vendor/chart.js": "chart.js/dist/chart.umd.min.js",
  "vendor/fullcalendar.css": "fullcalendar/skeleton.css",
  "vendor/fullcalendar-theme.css": "fullcalendar/themes/classic/theme.css",
  "vendor/photoswipe.css": "photoswipe/dist/photoswipe.css",
  "vendor/photoswipe.js": "photoswipe/dist/photoswipe.esm.min.js",
};
const BUNDLES = {
  "vendor/editor.js": "editor.mjs",
  "vendor/fullcalendar.js": "fullcalendar.mjs",
  "vendor/jssip.js": "jssip.mjs",
  "vendor/orgchart.js": "orgchart.mjs",
  "vendor/sortable.js": "sortable.mjs",
};
// All emoji with what they are called: a page fetches those of its language when its picker is opened.
const EMOJI_LANGUAGES = ["en", "ru"];
// Skin tones and other parts of emoji that are none by themselves.
const COMPONENTS = 2;
const SOURCE_MAP = /^\/[/*]# sourceMappingURL=.*$/gm;
const FONT = "@fontsource-variable/golos-text/files";
const SKIPPED = new Set(["node_modules", "dist", "__pycache__", "locale", "static"]);
const TABLER = "@tabler/core/dist/css/tabler.min.css";
// icon("name") in templates and JavaScript, icon="name" where an app registers its menu entry
const ICON = /\bicon(?:\(\s*|=)["']([a-z0-9-]+)["']/g;

async function* sources(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* sources(path);
    else if (/\.(html|py)$/.test(entry.name)) yield path;
  }
}

async function* scripts(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (/\/static\/.*\.js$/.test(path) && !path.startsWith(here)) yield path;
  }
}

async function usedIcons() {
  const names = new Set();
  for await (const path of sources(box)) {
    for (const [, name] of (await readFile(path, "utf8")).matchAll(ICON)) names.add(name);
  }
  return [...names].sort();
}

async function usedTabler() {
  const content = [];
  for await (const path of sources(box)) content.push({ raw: await readFile(path, "utf8"), extension: "html" });
  for await (const path of scripts(box)) content.push({ raw: await readFile(path, "utf8"), extension: "js" });
  const css = [{ raw: (await readFile(join(modules, TABLER), "utf8")).replace(SOURCE_MAP, "") }];
  const [{ css: used }] = await new PurgeCSS().purge({ content, css, variables: false, keyframes: true });
  const { code } = await transform(used, { loader: "css", minify: true, legalComments: "inline" });
  return code;
}

async function symbol(name) {
  const path = join(modules, "@tabler/icons/icons/outline", `${name}.svg`);
  const svg = await readFile(path, "utf8").catch(() => {
    throw new Error(`There is no icon "${name}" in @tabler/icons: look its name up in ${dirname(path)}`);
  });
  const shapes = svg
    .replace(/<!--.*?-->/gs, "")
    .match(/<svg[^>]*>(.*)<\/svg>/s)[1]
    .replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
}

async function emoji(language) {
  const read = async (name) => JSON.parse(await readFile(join(modules, "emojibase-data", language, name), "utf8"));
  const [all, { groups }] = [await read("compact.json"), await read("messages.json")];
  const titles = groups.filter(({ order }) => order !== COMPONENTS).sort((one, other) => one.order - other.order);
  return titles.map(({ order, message }) => [
    message,
    all
      .filter(({ group }) => group === order)
      .sort((one, other) => one.order - other.order)
      .map(({ unicode, label, tags = [] }) => [unicode, label, tags.join(" ")]),
  ]);
}

await rm(dist, { recursive: true, force: true });
await mkdir(join(dist, "vendor"), { recursive: true });
for (const [target, source] of Object.entries(LIBRARIES)) {
  const text = await readFile(join(modules, source), "utf8");
  // Hashed static files follow this comment, and the map it names is not served.
  await writeFile(join(dist, target), text.replace(SOURCE_MAP, ""));
}
await writeFile(join(dist, "vendor/tabler.css"), await usedTabler());
for (const [target, source] of Object.entries(BUNDLES)) {
  await build({
    entryPoints: [join(here, source)],
    outfile: join(dist, target),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "inline",
    logLevel: "warning",
  });
}
for (const language of EMOJI_LANGUAGES) {
  await writeFile(join(dist, "vendor", `emoji-${language}.json`), JSON.stringify(await emoji(language)));
}
await cp(join(modules, FONT), join(dist, "fonts"), { recursive: true });
const icons = await usedIcons();
const sprite = (await Promise.all(icons.map(symbol))).join("\n");
await writeFile(join(dist, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">\n${sprite}\n</svg>\n`);
console.log(
  `Built ${Object.keys({ ...LIBRARIES, ...BUNDLES }).length} libraries, the font and ${icons.length} icons into ${dist}`,
);
