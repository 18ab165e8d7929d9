// Ladders: the band beside a line says what its state means, in the words of the list below the ladder.
document.addEventListener("pointerover", (event) => {
  const band = event.target instanceof Element && event.target.closest(".ladder .st");
  if (!band || band.hasAttribute("data-told")) return;
  band.setAttribute("data-told", "yes");
  const box = band.closest(".conn-body");
  const state = (band.getAttribute("class") || "").replace(/^st st-(\S+).*$/, "$1");
  const term = box && all(".states dt", box).find((item) => item.textContent === state);
  const meaning = term && term.nextElementSibling;
  if (!meaning) return;
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = `${state}: ${meaning.textContent}`;
  band.prepend(title);
});
