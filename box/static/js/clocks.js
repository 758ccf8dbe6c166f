// Clocks on a page: `<span data-clock data-running data-seconds="90">0:01</span>` goes on from there.

// By when a number arrived, so that a sleeping laptop goes on where the world is.
const arrived = new WeakMap();

const text = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
};

function tick() {
  for (const place of document.querySelectorAll("[data-clock][data-running]")) {
    if (!arrived.has(place)) arrived.set(place, Date.now());
    const seconds = Number(place.dataset.seconds) + (Date.now() - arrived.get(place)) / 1000;
    const now = text(Math.max(seconds, 0));
    if (place.textContent !== now) place.textContent = now;
  }
}
setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
document.addEventListener("htmx:load", tick);
