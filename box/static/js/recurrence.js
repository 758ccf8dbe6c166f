// How often something repeats: a form shows what belongs to the choice that was made in it.

function settle(choice) {
  const { form, value } = choice;
  for (const part of form.querySelectorAll("[data-repeating]")) part.hidden = !value || value === "own";
  for (const part of form.querySelectorAll("[data-weekly]")) part.hidden = value !== "weekly";
}

const CHOICE = "form select[name=repeats]";
document.addEventListener("change", ({ target }) => target.matches?.(CHOICE) && settle(target));
document.addEventListener("htmx:load", ({ target }) => {
  const place = target.parentElement ?? target;
  for (const choice of place.querySelectorAll?.(CHOICE) ?? []) settle(choice);
});
