// The page: one case at a time, and the keys of whichever is shown.

const articles = [...document.querySelectorAll(".case")];
const viewers = articles.map((article) => new Viewer(article));
const chooser = document.querySelector("[data-cases]");
let current = -1;

function show(index) {
  if (index < 0 || index >= articles.length || index === current) return;
  current = index;
  articles.forEach((article, at) => { article.hidden = at !== index; });
  if (chooser) chooser.value = articles[index].id;
  viewers[index].open();
}

function follow() {
  show(Math.max(articles.findIndex((article) => `#${article.id}` === location.hash), 0));
}

function choose(index) {
  if (index >= 0 && index < articles.length) location.hash = articles[index].id;
}

chooser?.addEventListener("change", () => choose(chooser.selectedIndex));
for (const button of document.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => choose(current + Number(button.dataset.step)));
}
addEventListener("hashchange", follow);
addEventListener("keydown", (event) => {
  const { activeElement: focused, body } = document;
  const typing = event.target.matches?.("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (focused !== body && !focused.closest(".viewer, .top")) return;
  const step = { j: -1, k: 1 }[event.key.toLowerCase()];
  if (step) choose(current + step);
  else if (press(viewers[current], event)) event.preventDefault();
});
const release = () => viewers[current].state.held && viewers[current].set({ held: false });
addEventListener("keyup", (event) => event.key.toLowerCase() === "x" && release());
addEventListener("blur", release);
follow();
