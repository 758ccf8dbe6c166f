// A form on a website: works out its challenge while somebody writes, leads through its pages, sends the answers
// and says what is wrong.

import { showProblems } from "../js/form-problems.js";
import { solve } from "../js/proof-of-work.js";

const form = document.getElementById("form");
const pages = [...form.querySelectorAll("[data-page]")];
form.style.setProperty("--color", form.dataset.color);

let here = 0;
let solved = solve(form.dataset.challenge);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (here < pages.length - 1) return turnTo(here + 1);
  if (!isFilled(pages[here])) return;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  show({});
  try {
    await send();
  } catch {
    show({ "": form.dataset.failed });
    solved = solve(form.dataset.challenge);
    solved.catch(() => {});
  }
  button.disabled = false;
  tellHeight();
});

async function send() {
  const { challenge, work } = await solved;
  const address = new URLSearchParams(location.search);
  const utm = [...address].filter(([name]) => name.startsWith("utm_"));
  const sent = [...new FormData(form)];
  const files = sent.filter(([, value]) => value instanceof File && value.name);
  const given = Object.fromEntries([...sent.filter(([, value]) => typeof value === "string"), ...utm]);
  const page = address.get("page") ?? document.referrer;
  const answers = JSON.stringify({ ...given, consent: given.consent === "1", page, challenge, work });
  const answer = await fetch(form.dataset.answers, { method: "POST", ...packed(answers, files) });
  if (answer.status === 422) return show((await answer.json()).fields);
  if (!answer.ok) throw new Error(String(answer.status));
  form.hidden = true;
  const thanks = document.getElementById("thanks");
  thanks.hidden = false;
  thanks.textContent = (await answer.json()).thanks;
}

function packed(answers, files) {
  if (!files.length) return { body: answers, headers: { "Content-Type": "application/json" } };
  const body = new FormData();
  body.append("answers", answers);
  for (const [name, file] of files) body.append(name, file);
  return { body };
}

function show(wrong) {
  showProblems(form, wrong);
  const first = form.querySelector("[aria-invalid='true']");
  const page = pages.indexOf(first?.closest("[data-page]"));
  if (page >= 0 && page !== here) turn(page);
  first?.focus();
}

// Pages: one leads to the next once what it has to know is filled in.

function isFilled(page) {
  const wrong = {};
  for (const input of page.querySelectorAll("input, select, textarea")) {
    if (input.required && !input.value.trim()) wrong[input.name] = form.dataset.missing;
    if (input.files?.[0]?.size > form.dataset.largest) wrong[input.name] = form.dataset.tooLarge;
  }
  show(wrong);
  return !Object.keys(wrong).length;
}

function turnTo(number) {
  if (number > here && !isFilled(pages[here])) return;
  turn(number);
  pages[here].querySelector("input, select, textarea")?.focus();
}

function turn(number) {
  here = number;
  for (const [place, page] of pages.entries()) page.hidden = place !== here;
  const isLast = here === pages.length - 1;
  form.querySelector("[type=submit]").hidden = !isLast;
  const [back, next, where] = ["[data-back]", "[data-next]", "[data-where]"].map((one) => form.querySelector(one));
  if (!back) return;
  back.hidden = here === 0;
  next.hidden = isLast;
  where.textContent = where.dataset.where.replace("{page}", here + 1).replace("{pages}", pages.length);
}

form.querySelector("[data-back]")?.addEventListener("click", () => turnTo(here - 1));
form.querySelector("[data-next]")?.addEventListener("click", () => turnTo(here + 1));

// The site that shows it in a frame makes the frame as high.
function tellHeight() {
  const height = document.documentElement.getBoundingClientRect().height;
  if (parent !== window) parent.postMessage({ korobkaFormHeight: Math.ceil(height) }, "*");
}

turn(0);
new ResizeObserver(tellHeight).observe(document.body);
solved.catch(() => {});
