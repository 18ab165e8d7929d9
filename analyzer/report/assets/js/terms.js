// Buttons that put a term into the filter or take it out again (`data-term`), on the index of a batch, whose rows are
// captures and have facts of their own: how reading them went, the codes of their findings, the day they begin.
const termButtons = all("button[data-term]");
Object.assign(FIELDS, { code: "code", day: "day" });
delete QUERY_SHAPES.status; // "failed" instead of 503

/** A row has one of these only: another term with the field takes the place of the first. */
const SINGLE_TERM = /(?:^|\s)(status|day):[^\s"]+/g;

/** @param {string} term */
const hasTerm = (term) => ` ${box.value.trim()} `.includes(` ${term} `);

/** Show on the buttons which of their terms the filter has. */
function showTerms() {
  for (const button of termButtons) {
    const pressed = String(hasTerm(button.dataset.term || ""));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
}

afterFilter.push(showTerms);

/** @param {string} term */
function toggleTerm(term) {
  const field = term.slice(0, term.indexOf(":"));
  const text = ` ${box.value.trim()} `;
  const rest = hasTerm(term)
    ? text.replace(` ${term} `, " ")
    : `${text.replace(SINGLE_TERM, (other, name) => (name === field ? "" : other))} ${term}`;
  box.value = rest.trim().replace(/ {2,}/g, " ");
  apply();
}

/** Bring the list of captures into sight, where it is not. */
function seeCaptures() {
  const list = byId("captures");
  if (list && list.getBoundingClientRect().top > innerHeight * 0.6) list.scrollIntoView({ block: "start" });
}

for (const button of termButtons) {
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    toggleTerm(button.dataset.term || "");
    seeCaptures();
  });
}
