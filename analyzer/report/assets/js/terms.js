// What the index of a batch has beyond a report, its rows being captures: buttons that put a term into the filter or take
// it out again (`data-term`), and fields of their own: how reading them went, the codes of their findings, the day they
// begin, where they lie, which have the same content, and their numbers.

/** @typedef {{ statuses: Record<string, string>, aside: number[], facts: Record<string, string[]> }} CaptureFacts */
/** What the page tells beside its table (analyzer/batch/index_facts.py). */
const captures = /** @type {CaptureFacts} */ (JSON.parse(byId("captures-facts")?.textContent || "{}"));
const captureRows = all("#captures [data-row]");
for (const [name, texts] of Object.entries(captures.facts || {})) {
  texts.forEach((text, at) => {
    if (text) captureRows[at].dataset[name] = text;
  });
}

for (const name of ["code", "day", "folder", "same", "packets", "failures", "size", "wait", "connections", "visits"]) {
  FIELDS[name] = name;
}
const { statuses = {}, aside = [] } = captures;
delete QUERY_SHAPES.status; // "failed" instead of 503
QUERY_WORDS.status = new RegExp(`^(?:any|${[...Object.keys(statuses), ...Object.values(statuses)].join("|")})$`);
for (const name of ["packets", "failures", "connections", "visits"]) QUERY_SHAPES[name] = QUERY_SHAPES.stream;

/** @type {Record<string, number>} Unit of a size → bytes. */
const SIZE_UNITS = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };
const SIZE = `(${QUERY_NUMBER})([kmgt]?b)?`;
const LASTING = `${QUERY_NUMBER}(?:us|µs|ms|s|min|m)`;
QUERY_SHAPES.size = new RegExp(`^[<>]=?${SIZE}$|^${SIZE}-${SIZE}$`);
QUERY_SHAPES.wait = new RegExp(`^[<>]=?${LASTING}$|^(?:${QUERY_NUMBER}|${LASTING})-${LASTING}$`);

/** Write a size in bytes: ">100kb" as ">100000"; "1-2mb" means megabytes at both ends. @param {string} word */
function inBytes(word) {
  const [last] = /[a-z]*$/.exec(word) || [""];
  return word.replace(new RegExp(SIZE, "g"), (_, number, unit) =>
    String(Math.round(Number(number) * SIZE_UNITS[unit || last || "b"])),
  );
}
beforeFilter.push((query) => {
  for (const term of query.terms) {
    if (term.field === "size") term.words = term.words.map(inBytes);
    if (term.field === "status") term.words = term.words.map((word) => statuses[word] ?? word);
  }
});

// Columns that are hidden at first; what they say is looked for all the same.
for (const grid of grids) for (const at of aside) grid.hidden.add(at);
all("#captures .column-list input").forEach((tick, at) => {
  if (aside.includes(at)) tick.click();
});

const termButtons = all("button[data-term]");

/** A row has one of these only: another term with the field takes the place of the first. */
const SINGLE_TERM = /(?:^|\s)(status|day|folder):(?:"[^"]*"|[^\s"]+)/g;

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
