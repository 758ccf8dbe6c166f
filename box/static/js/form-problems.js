// What is wrong with a form that a script sends, beside the inputs that it is about.

/** `wrong` is by the names of inputs, and under no name what is wrong with none of them. */
export function showProblems(form, wrong) {
  for (const place of form.querySelectorAll("[data-wrong]")) {
    const said = wrong[place.dataset.wrong] ?? "";
    place.textContent = said;
    const input = form.elements.namedItem(place.dataset.wrong);
    if (input instanceof HTMLElement) input.setAttribute("aria-invalid", String(said !== ""));
  }
  form.querySelector("[aria-invalid='true']")?.focus();
}
