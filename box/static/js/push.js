// One connection to the push service for all tabs of this browser.
//
// The tab that holds a lock listens and tells the others; when it closes, the next takes over where it
// stopped. Messages only tell that something changed: what it is, each page asks for by HTTP.

const LOCK = "korobka-push";
const RETRY_SECONDS = { first: 3, most: 60 };
// All who listen hear at once. Asking within this time, they come at no more than 200 a second.
const LISTENERS_PER_SECOND = 200;
// Milliseconds after a page was asked for. What was told before it listened it has not heard.
const LATE = 2000;

const channel = new BroadcastChannel(LOCK);
const latest = new Map();
let lastId = null;
let listeners = 1;
let isSigningOut = false;

/** The newest payload that came of this kind since this tab was opened, so that what arrives late can look. */
export const newest = (topic, kind) => latest.get(`${topic}.${kind}`);

/** Resolves after a random wait that grows with the number of listeners, and once this tab is seen. */
export async function turn() {
  await new Promise((done) => setTimeout(done, (Math.random() * 1000 * (listeners - 1)) / LISTENERS_PER_SECOND));
  if (!document.hidden) return;
  await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
}

export function listen() {
  const address = document.body.dataset.push;
  if (!address) return;
  channel.addEventListener("message", ({ data }) => receive(data));
  document.addEventListener("submit", ({ target }) => (isSigningOut ||= target.matches("[data-signs-out]")));
  // It came to nothing, and the browser has kept the page.
  addEventListener("pageshow", () => (isSigningOut = false));
  navigator.locks.request(LOCK, () => new Promise(() => connect(address)));
}

function connect(address, wait = RETRY_SECONDS.first) {
  const source = new EventSource(lastId ? `${address}?after=${lastId}` : address);
  const pass = (name) => (event) => {
    const message = { name, id: event.lastEventId, data: JSON.parse(event.data || "{}") };
    receive(message);
    channel.postMessage(message);
  };
  source.addEventListener("message", pass("message"));
  source.addEventListener("reset", pass("reset"));
  source.addEventListener("hello", pass("hello"));
  source.addEventListener("hello", () => (wait = RETRY_SECONDS.first));
  source.addEventListener("error", async () => {
    // Otherwise the browser connects again by itself.
    if (source.readyState !== EventSource.CLOSED) return;
    if (await isSignedOut(address)) return goToTheDoor();
    setTimeout(() => connect(address, Math.min(wait * 2, RETRY_SECONDS.most)), wait * 1000 * (0.5 + Math.random()));
  });
}

function receive({ name, id, data }) {
  if (id) lastId = id;
  if (name === "hello") {
    listeners = data.listeners;
    const isLate = !("listening" in document.body.dataset) && performance.now() > LATE;
    // For whoever wants to know that nothing will be missed from now on.
    document.body.dataset.listening = "";
    if (isLate) document.dispatchEvent(new CustomEvent("push:reset", { detail: {} }));
  }
  if (name === "message") {
    // Somebody wants it so: the form comes, and no other way leads back in by itself.
    if (data.kind === "signed-out") return goToTheDoor({ form: 1 });
    latest.set(`${data.topic}.${data.kind}`, data.payload);
  }
  document.dispatchEvent(new CustomEvent(`push:${name}`, { detail: data }));
}

// EventSource doesn't tell why it gave up.
async function isSignedOut(address) {
  const enough = new AbortController();
  const answer = await fetch(address, { cache: "no-store", signal: enough.signal }).catch(() => null);
  enough.abort();
  return answer?.status === 401;
}

function goToTheDoor(wishes = {}) {
  // The answer to the form leads there already, and brings the mark of who wants to stay out. On a page that
  // has gone elsewhere meanwhile it would be lost.
  if (isSigningOut) return;
  const next = location.pathname + location.search;
  location.assign(`${document.body.dataset.signIn}?${new URLSearchParams({ ...wishes, next })}`);
}
