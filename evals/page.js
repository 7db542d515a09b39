"use strict";

// Filter and search the questions, show a whole text, open the question a link points at.
const cases = [...document.querySelectorAll(".case")];
const words = cases.map((element) => element.textContent.toLowerCase());
const filters = document.querySelector(".filters");
const [search, verdict, kind] = filters.querySelectorAll("input, select");
const shown = filters.querySelector("output");

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  cases.forEach((element, place) => {
    const { verdict: is, kind: of, change } = element.dataset;
    const fits =
      (!verdict.value || verdict.value === is || verdict.value === `~${change}`) &&
      (!kind.value || kind.value === of) &&
      wanted.every((word) => words[place].includes(word));
    element.hidden = !fits;
    count += fits;
  });
  shown.textContent = `${count} of ${cases.length}`;
}

const excerpts = new Map();

function showText(button) {
  const place = button.closest("h4").nextElementSibling;
  if (excerpts.has(button)) {
    place.replaceChildren(...excerpts.get(button));
    excerpts.delete(button);
  } else {
    excerpts.set(button, [...place.childNodes]);
    const text = document.getElementById(button.dataset.text).content.cloneNode(true);
    for (const lit of button.dataset.lit.split(" ")) {
      const [number, style] = lit.split(":");
      const mark = document.createElement("mark");
      const sentence = text.querySelector(`[data-s="${number}"]`);
      mark.className = style;
      mark.textContent = sentence.textContent;
      sentence.replaceWith(mark);
    }
    place.replaceChildren(text);
  }
  button.textContent = excerpts.has(button) ? "Only these" : "Whole text";
}

function openLinked() {
  const element = document.getElementById(location.hash.slice(1));
  if (element?.matches(".case")) {
    element.hidden = false;
    element.open = true;
    element.scrollIntoView();
  }
}

for (const field of [search, verdict, kind]) field.addEventListener("input", filter);
document.addEventListener("click", ({ target }) => {
  if (target.dataset?.text) showText(target);
  if (target.dataset?.open) {
    const open = target.dataset.open === "yes";
    for (const element of cases) element.open = open && !element.hidden;
    target.dataset.open = open ? "no" : "yes";
    target.textContent = open ? "Close all" : "Open all";
  }
});
addEventListener("hashchange", openLinked);
filters.classList.add("ready");
filter();
openLinked();
