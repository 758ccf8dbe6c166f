// A booking page for people outside: times by the visitor's own clock, and the challenge worked out while they write.

import { showProblems } from "../js/form-problems.js";
import { solve } from "../js/proof-of-work.js";

const zones = document.querySelector("[data-booking-zone]");

if (zones) {
  zones.addEventListener("change", () => turn(zones.value));
  // The first visit has the clock of the portal: a visitor elsewhere has another.
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isKnown = [...zones.options].some(({ value }) => value === own);
  if ("guess" in zones.dataset && isKnown && own !== zones.value) turn(own);
}

function turn(zone) {
  location.replace(zones.dataset.bookingZone + encodeURIComponent(zone));
}

const form = document.getElementById("booking");
const button = form?.querySelector("[type=submit]");
if (button) begin();

function begin() {
  let solved = solve(form.dataset.challenge);
  solved.catch(() => {});
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!isFilled()) return;
    button.disabled = true;
    try {
      await send(await solved);
    } catch {
      showProblems(form, { "": form.dataset.failed });
      solved = solve(form.dataset.challenge);
      solved.catch(() => {});
    }
    button.disabled = false;
  });
}

function isFilled() {
  const wrong = {};
  for (const input of form.querySelectorAll("input:not([type=radio]), select, textarea")) {
    if (input.required && !input.value.trim()) wrong[input.name] = form.dataset.missing;
  }
  if (!form.elements.start.value) wrong.start = form.dataset.untimed;
  showProblems(form, wrong);
  return !Object.keys(wrong).length;
}

async function send({ challenge, work }) {
  const given = Object.fromEntries(new FormData(form));
  const body = { ...given, consent: given.consent === "1", zone: form.dataset.zone, challenge, work };
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(form.dataset.bookings, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json();
  if (answer.status === 422) showProblems(form, said.fields);
  else if (answer.ok) location.assign(said.address);
  // Whoever has booked too often waits: reloading would not help.
  else if (answer.status === 429) showProblems(form, { "": said.refused });
  else throw new Error(said.refused);
}
