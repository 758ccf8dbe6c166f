// The CRM's pages: lines of numbers and addresses, and a word about what is probably there already.

const WAIT = 400;
let timer = 0;

document.addEventListener("click", ({ target }) => {
  const more = target.closest?.("[data-crm-more-points]");
  if (!more) return;
  const line = more.parentElement.querySelector("template").content.cloneNode(true);
  more.before(line);
  more.previousElementSibling.querySelector("input").focus();
});

document.addEventListener("input", ({ target }) => {
  const form = target.matches?.("[data-crm-known]") && target.closest("[data-crm-alike]");
  if (!form) return;
  clearTimeout(timer);
  timer = setTimeout(() => ask(form), WAIT);
});

async function ask(form) {
  const address = new URL(form.dataset.crmAlike, location.href);
  for (const [name, value] of new FormData(form)) {
    if (value && ["title", "first_name", "last_name", "tax_number", "point-value", "point-kind"].includes(name)) {
      address.searchParams.append(name, value);
    }
  }
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.ok && form.isConnected) form.querySelector("[data-crm-alike-found]").innerHTML = await answer.text();
}
