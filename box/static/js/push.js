// One connection to the push service for all tabs of this browser.
//
// The tab that holds a lock listens and tells the others; when it closes, the next takes over where it
// stopped. Messages only tell that something changed: what it is, each page asks for by HTTP.

const LOCK = "korobka-push";
const RETRY_SECONDS = { first: 3, most: 60 };
// All who listen hear at once. Asking within this time, they come at no more than 200 a second.
const LISTENERS_PER_SECOND = 200;
// Seconds by which a page may be older than the moment when it was asked for: it can have been read from a replica,
// and the question what was told since is on its way for a while, too.
const OLDER = 5;
// Messages that are kept for what is on its way into the page.
const MOST_KEPT = 500;

const tab = crypto.randomUUID();
const channel = new BroadcastChannel(LOCK);
const kept = [];
const askedAt = new WeakMap();
let arrivesFrom = Number.POSITIVE_INFINITY;
let isHolder = false;
let lastId = null;
let listeners = 1;
let isSigningOut = false;

/** The messages that what is being put into the page has missed: they came since it was asked for. */
export const missed = () => kept.filter(({ at }) => at >= arrivesFrom).map(({ message }) => message);

document.addEventListener("push:message", ({ detail }) => {
  kept.push({ at: Date.now(), message: detail });
  if (kept.length > MOST_KEPT) kept.shift();
});
document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => askedAt.set(xhr, Date.now()));
document.addEventListener("htmx:beforeSwap", ({ detail: { xhr } }) => {
  arrivesFrom = askedAt.get(xhr) ?? Number.POSITIVE_INFINITY;
  // It is put there at once: what comes into the page later is no answer.
  queueMicrotask(() => (arrivesFrom = Number.POSITIVE_INFINITY));
});

/** Resolves after a random wait that grows with the number of listeners, and once this tab is seen. */
export async function turn() {
  await new Promise((done) => setTimeout(done, (Math.random() * 1000 * (listeners - 1)) / LISTENERS_PER_SECOND));
  if (!document.hidden) return;
  await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
}

export function listen() {
  const address = document.body.dataset.push;
  if (!address) return;
  channel.addEventListener("message", ({ data }) => (data.joined ? welcome(data) : receive(data)));
  channel.postMessage({ joined: tab, since: performance.timeOrigin });
  document.addEventListener("submit", ({ target }) => (isSigningOut ||= target.matches("[data-signs-out]")));
  // It came to nothing, and the browser has kept the page.
  addEventListener("pageshow", () => (isSigningOut = false));
  navigator.locks.request(LOCK, () => new Promise(() => connect(address)));
}

// A tab that has just come asks anew for what it shows, where something was told while it was on its way.
function welcome({ joined, since }) {
  if (isHolder && kept.at(-1)?.at >= since) channel.postMessage({ name: "reset", data: {}, to: joined });
}

function connect(address, wait = RETRY_SECONDS.first) {
  isHolder = true;
  // A page hears of everything that was told since it was asked for.
  const from = lastId ? `after=${lastId}` : `last=${Math.ceil(performance.now() / 1000) + OLDER}`;
  const source = new EventSource(`${address}?${from}`);
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
    // Otherwise the browser connects again by itself, from the last message on.
    if (lastId && source.readyState !== EventSource.CLOSED) return;
    source.close();
    if (await isSignedOut(address)) return goToTheDoor();
    setTimeout(() => connect(address, Math.min(wait * 2, RETRY_SECONDS.most)), wait * 1000 * (0.5 + Math.random()));
  });
}

function receive({ name, id, data, to = tab }) {
  if (to !== tab) return;
  if (id) lastId = id;
  if (name === "hello") {
    listeners = data.listeners;
    // For whoever wants to know that nothing will be missed from now on.
    document.body.dataset.listening = "";
  }
  if (name === "message") {
    // Somebody wants it so: the form comes, and no other way leads back in by itself.
    if (data.kind === "signed-out") return goToTheDoor({ form: 1 });
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
