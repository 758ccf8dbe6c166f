// Of the rows in which somebody writes a form's questions those are shown that there are, and one more when it is
// asked for: see `questions.html`.

function show(place = document) {
  for (const list of place.querySelectorAll?.("[data-questions]") ?? []) {
    const rows = [...list.querySelectorAll(".question-row")];
    const last = rows.findLastIndex((row) => row.querySelector("select").value);
    rows.forEach((row, number) => {
      row.hidden = number > last;
    });
    showMore(list);
  }
}

function showMore(list) {
  list.querySelector("[data-more-questions]").hidden = !list.querySelector(".question-row[hidden]");
}

document.addEventListener("click", ({ target }) => {
  const list = target.closest?.("[data-more-questions]")?.parentElement;
  if (!list) return;
  const row = list.querySelector(".question-row[hidden]");
  row.hidden = false;
  row.querySelector("select").focus();
  showMore(list);
});

document.addEventListener("htmx:load", ({ target }) => show(target.parentNode ?? document));
show();
