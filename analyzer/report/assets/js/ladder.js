// Ladders. The band beside a line says what its state means, in the words of the list below the ladder; a line that is
// clicked, or that a link leads to, offers its display filter.

document.addEventListener("pointerover", (event) => {
  const band = event.target instanceof Element ? event.target.closest(".ladder .st") : null;
  const body = band && band.closest(".conn-body");
  if (!band || !body || band.hasAttribute("data-told")) return;
  band.setAttribute("data-told", "yes");
  const state = (band.getAttribute("class") || "").replace(/^st st-(\S+).*$/, "$1");
  const term = all(".states dt", body).find((item) => item.textContent === state);
  const meaning = term && term.nextElementSibling;
  if (!meaning) return;
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = `${state}: ${meaning.textContent}`;
  band.prepend(title);
});

/**
 * Make the line below a ladder in which the filter of one of its lines stands.
 * @param {Element} box
 */
function makeOffer(box) {
  const offer = newElement("p", { class: "ld-offer filter" });
  const button = newElement("button", { type: "button", class: "copy" }, say("Copy filter"));
  offer.append(newElement("span", {}, say("This line:")), newElement("code", {}), button);
  box.after(offer);
  return offer;
}

/**
 * Offer the display filter of a ladder's line: of a segment by its frame, of a run by its stream and frames.
 * @param {Element | null} line
 */
function offerFilterOfLine(line) {
  const box = line && line.closest(".ladder-box");
  const row = line && line.closest(".conn");
  const number = line && line.querySelector(".ld-m");
  if (!box || !number || !(row instanceof HTMLElement)) return;
  const [first, last] = (number.textContent || "").split("–");
  const next = box.nextElementSibling;
  const offer = next && next.matches(".ld-offer") ? next : makeOffer(box);
  const code = offer.querySelector("code");
  if (!code) return;
  code.textContent = last
    ? `tcp.stream eq ${row.dataset.stream} and frame.number in {${first}..${last}}`
    : `frame.number == ${first}`;
}

document.addEventListener("click", (event) => {
  if (event.target instanceof Element) offerFilterOfLine(event.target.closest(".ladder .seg, .ladder .run"));
});
const offerFilterOfLineInHash = () =>
  offerFilterOfLine(/^#frame-[0-9]+$/.test(location.hash) ? byId(location.hash.slice(1)) : null);
window.addEventListener("hashchange", offerFilterOfLineInHash);
offerFilterOfLineInHash();
