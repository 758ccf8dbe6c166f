// Files that are dragged onto the portal, or pasted into it.
//
// The nearest form that takes files takes them; elsewhere on the page the one form of the main region that does. What
// nobody takes is caught: a browser would leave the page, and open the file in its place.

import { texts, toast } from "./toasts.js";

const PLACES = "upload-list, input[type=file]:not(upload-list *)";
const main = () => document.getElementById("main");
const open = () => document.querySelector("dialog[open]");

/** What takes the files that are let go over this element: the place, and what is lit up meanwhile. */
function takerAt(target) {
  const form = target.closest?.("form");
  const near = form?.querySelector(PLACES);
  if (near) return { place: near, lit: form };
  const region = open() ?? main();
  const places = [...(region?.querySelectorAll(PLACES) ?? [])];
  return region?.contains(target) && places.length === 1 ? { place: places[0], lit: region } : null;
}

function give({ place }, files) {
  if (place.localName === "upload-list") return place.add(files);
  const carried = new DataTransfer();
  for (const file of place.multiple ? files : files.slice(0, 1)) carried.items.add(file);
  place.files = carried.files;
  return place.dispatchEvent(new Event("change", { bubbles: true }));
}

// What was chosen, however it was.
document.addEventListener("change", ({ target }) => {
  const said = target.closest?.(".file-field")?.querySelector("[data-file]");
  if (said) said.textContent = [...target.files].map(({ name }) => name).join(", ") || said.dataset.none;
});

// A picture of the page that is dragged comes as a file too.
let isOurs = false;
document.addEventListener("dragstart", () => (isOurs = true));
document.addEventListener("dragend", () => (isOurs = false));
const carriesFiles = ({ dataTransfer }) => !isOurs && [...(dataTransfer?.types ?? [])].includes("Files");
// A browser's own field knows what to do.
const isField = ({ target }) => target.matches?.("input[type=file]");

let lit = null;
function light(element) {
  if (lit === element) return;
  lit?.classList.remove("dropping");
  lit = element;
  lit?.classList.add("dropping");
  if (lit) lit.dataset.drop = texts().drop;
}

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (!carriesFiles(event) || isField(event)) return light(null);
    event.preventDefault();
    const taker = takerAt(event.target);
    event.dataTransfer.dropEffect = taker ? "copy" : "none";
    light(taker?.lit);
  });
}
// Out of the window; from one element to the next, dragenter says where to.
document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || light(null));
document.addEventListener("drop", (event) => {
  light(null);
  if (!carriesFiles(event) || isField(event)) return;
  event.preventDefault();
  const taker = takerAt(event.target);
  if (taker) give(taker, [...event.dataTransfer.files]);
});

// What is no larger is an icon of the page, which nobody misses.
const SMALLEST = 48;

/** Whether what is pasted names pictures, whose bytes are elsewhere: on a page, in a document that is open. */
function hasPictures(html) {
  // Read as text: a document of it, shown or not, is one that the page's policy has words about.
  const pictures = html.match(/<img(\s[^>]*)?>/gi) ?? [];
  return pictures.some((one) =>
    [...one.matchAll(/\s(?:width|height)\s*=\s*["']?(\d+)/gi)].every(([, size]) => Number(size) >= SMALLEST),
  );
}

document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  const html = event.clipboardData.getData("text/html");
  if (!files.length && event.target.closest?.("[contenteditable]") && hasPictures(html)) toast(texts().picturesLeft);
  // A table from Excel comes with a picture of itself: the table is meant.
  if (!files.length || /<table[\s>]/i.test(html)) return;
  // Pasted with nothing in focus, it is for what one sees.
  const taker = takerAt(event.target === document.body ? (open() ?? main()) : event.target);
  if (!taker) return;
  event.preventDefault();
  give(taker, files);
});
