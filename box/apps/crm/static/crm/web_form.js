// A form on a website: works out its challenge while somebody writes, sends the answers, says what is wrong.

const form = document.getElementById("form");
form.style.setProperty("--color", form.dataset.color);

let solved = solve();

async function solve() {
  const answer = await fetch(form.dataset.challenge);
  if (!answer.ok) throw new Error("no challenge");
  const { challenge, bits } = await answer.json();
  return { challenge, work: await worked(challenge, bits), readyAt: Date.now() + 3500 };
}

// The first number for which SHA-256 of `challenge:number` begins with so many zero bits.
async function worked(challenge, bits) {
  const encoder = new TextEncoder();
  for (let work = 0; ; work++) {
    const digest = new DataView(await crypto.subtle.digest("SHA-256", encoder.encode(`${challenge}:${work}`)));
    if (digest.getUint32(0) >>> (32 - bits) === 0) return String(work);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  show({});
  try {
    await send();
  } catch {
    show({ "": form.dataset.failed });
    solved = solve();
    solved.catch(() => {});
  }
  button.disabled = false;
  tellHeight();
});

async function send() {
  const { challenge, work, readyAt } = await solved;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, readyAt - Date.now())));
  const here = new URLSearchParams(location.search);
  const utm = [...here].filter(([name]) => name.startsWith("utm_"));
  const given = Object.fromEntries([...new FormData(form), ...utm]);
  const page = here.get("page") ?? document.referrer;
  const body = JSON.stringify({ ...given, consent: given.consent === "1", page, challenge, work });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(form.dataset.answers, { method: "POST", headers, body });
  if (answer.status === 422) return show((await answer.json()).fields);
  if (!answer.ok) throw new Error(String(answer.status));
  form.hidden = true;
  const thanks = document.getElementById("thanks");
  thanks.hidden = false;
  thanks.textContent = (await answer.json()).thanks;
}

function show(wrong) {
  for (const place of form.querySelectorAll("[data-wrong]")) {
    const said = wrong[place.dataset.wrong] ?? "";
    place.textContent = said;
    const input = form.elements.namedItem(place.dataset.wrong);
    if (input instanceof HTMLElement) input.setAttribute("aria-invalid", String(said !== ""));
  }
  form.querySelector("[aria-invalid='true']")?.focus();
}

// The site that shows it in a frame makes the frame as high.
function tellHeight() {
  const height = document.documentElement.getBoundingClientRect().height;
  if (parent !== window) parent.postMessage({ korobkaFormHeight: Math.ceil(height) }, "*");
}

new ResizeObserver(tellHeight).observe(document.body);
solved.catch(() => {});
