// Filter: which rows of the page, markup or grid, fit the query and the range of time.
const box = /** @type {HTMLInputElement} */ (byId("search"));
const count = /** @type {HTMLElement} */ (byId("search-count"));

/** @type {HTMLElement[]} Rows that are markup; a grid's first rows make room for the grid. */
const rows = /** @type {HTMLElement[]} */ (all("[data-row]").filter((row) => !row.closest("[data-grid]")));

/** @type {WeakMap<HTMLElement, string>} */
const rowTexts = new WeakMap();
/**
 * Return what a row says: all its text but the labels of buttons, which are no part of it and change.
 * @param {Node} node
 * @returns {string}
 */
function rowWords(node) {
  if (node instanceof HTMLButtonElement) return "";
  if (!(node instanceof Element) || !node.querySelector("button")) return node.textContent || "";
  return Array.from(node.childNodes, rowWords).join("");
}
/** @param {HTMLElement} row */
function textOf(row) {
  let text = rowTexts.get(row);
  if (text === undefined) rowTexts.set(row, (text = rowWords(row).toLowerCase()));
  return text;
}

/** @type {[number, number] | null} Seconds since the first packet between which a row must lie, at least in part. */
let range = null;
/** Why a range that was asked for is not kept. */
let rangeProblem = "";
/** @param {[number, number] | null} span */
function setRange(span, problem = "") {
  range = span;
  rangeProblem = problem;
  apply();
  showRange();
}

/**
 * Return what says whether a row that is markup fits a term.
 * @param {Term} term
 * @returns {(row: HTMLElement) => boolean}
 */
function rowFitter(term) {
  const test = fitter(term);
  if (!term.field) return (row) => test(textOf(row)) !== term.not;
  const name = FIELDS[term.field];
  return (row) => test(row.dataset[name] ?? "", row.dataset.to ?? "") !== term.not;
}
/** Rows that are at no time (kinds of status codes, sums) stay. @param {HTMLElement} row */
const inRange = (row) =>
  range === null ||
  row.dataset.from === undefined ||
  (Number(row.dataset.from) <= range[1] && Number(row.dataset.to ?? row.dataset.from) >= range[0]);

/**
 * Show the rows that fit, and those that hold them; return how many fit.
 * @param {Term[]} terms
 */
function filterRows(terms) {
  const active = terms.length > 0 || range !== null;
  const tests = terms.map(rowFitter);
  let shown = 0;
  /** @type {Set<Element>} */
  const kept = new Set();
  for (const row of rows) {
    if (!active || !inRange(row) || !tests.every((test) => test(row))) continue;
    shown += 1;
    for (let node = /** @type {Element | null | undefined} */ (row); node; node = outer(node)) kept.add(node);
  }
  for (const row of rows) {
    const hide = active && !kept.has(row);
    if (row.hidden !== hide) row.hidden = hide;
  }
  return shown;
}
/** @param {Element} node */
const outer = (node) => node.parentElement && node.parentElement.closest("[data-row]");

/** Parts of the page whose rows can all be filtered out, each with its rows. @type {Map<HTMLElement, HTMLElement[]>} */
const rowGroups = new Map();
for (const row of rows) {
  const group = row.parentElement && row.parentElement.closest(".table-box, .panel, main > section");
  if (!(group instanceof HTMLElement)) continue;
  const inside = rowGroups.get(group);
  if (inside) inside.push(row);
  else rowGroups.set(group, [row]);
}
/** @type {Map<HTMLElement, HTMLElement>} */
const emptyNotes = new Map();

/**
 * Say in a part of the page that none of its rows is left, or take that back.
 * @param {HTMLElement} group
 * @param {boolean} nothing
 */
function tellNothing(group, nothing) {
  let note = emptyNotes.get(group);
  if (!note) {
    if (!nothing) return;
    const button = newElement("button", { type: "button" });
    button.addEventListener("click", clearFilter);
    note = newElement("p", { class: "nothing" });
    note.append(newElement("span", {}), " ", button);
    emptyNotes.set(group, note);
    group.append(note);
  }
  const [why, way] = nothingWords();
  /** @type {Element} */ (note.firstElementChild).textContent = why;
  /** @type {Element} */ (note.lastElementChild).textContent = way;
  note.hidden = !nothing;
  group.classList.toggle("is-empty", nothing);
}
/** Return why nothing is left where nothing is, and what takes that back. */
function nothingWords() {
  if (!range) return [say("No row matches the filter."), say("Clear the filter")];
  if (!box.value.trim()) return [say("Nothing here lies in the range of time."), say("Show all times")];
  return [say("No row in the range of time matches the filter."), say("Show everything")];
}
/** Show every row again, of all times. */
function showAll() {
  box.value = "";
  showAllTimes();
}
function clearFilter() {
  showAll();
  box.focus({ preventScroll: true }); // the button that had the focus is hidden now
}

/** @type {((query: Query) => void)[]} What is done to a query before rows are looked at. */
const beforeFilter = [];
/** @type {(() => void)[]} What else happens when the filter has changed. */
const afterFilter = [];
function apply() {
  const text = box.value.trim();
  const query = parseQuery(text);
  for (const act of beforeFilter) act(query);
  const active = query.terms.length > 0 || range !== null;
  const shown = filterRows(query.terms) + filterGrids(query.terms, active);
  for (const [group, inside] of rowGroups) tellNothing(group, active && inside.every((row) => row.hidden));
  const parts = rangeProblem ? [rangeProblem] : [];
  if (active) parts.push(say("{shown} of {total} rows", { shown, total: rows.length + gridTotal() }));
  for (const field of query.unknown) parts.push(say("no field “{field}”, so it is searched as text", { field }));
  for (const word of query.wrong) parts.push(say("“{word}” cannot be understood", { word }));
  for (const field of query.bare) parts.push(say("“{field}:” needs a value", { field }));
  for (const word of query.least) parts.push(say("“dur:{word}” means at least {word}", { word }));
  count.textContent = parts.join(" · ");
  count.title = parts.join("\n");
  rememberFilter(text);
  for (const act of afterFilter) act();
}

const SECONDS = "(-?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:e[-+]?[0-9]+)?)";
const SPAN = new RegExp(`^${SECONDS}-${SECONDS}$`, "i");
/**
 * Read a range of seconds as an address and a chart's marks have it, "1.203-1.870"; null where a text is none.
 * @param {string} text
 * @returns {[number, number] | null}
 */
function rangeIn(text) {
  const ends = SPAN.exec(text)?.slice(1).map(Number);
  return ends?.every(Number.isFinite) ? [Math.min(...ends), Math.max(...ends)] : null;
}
/** Write a range as rangeIn reads it, to the microsecond. @param {[number, number]} span */
const rangeText = (span) => span.map((end) => String(Number(end.toFixed(6)))).join("-");

/** Keep the filter in the address, so that it can be shared. @param {string} text */
function rememberFilter(text) {
  const parts = [text && `q=${encodeURIComponent(text)}`, range && `t=${rangeText(range)}`].filter(Boolean);
  const hash = parts.length ? `#${parts.join("&")}` : /^#[qt]=/.test(location.hash) ? "#" : null;
  if (hash === null) return;
  try {
    history.replaceState(null, "", hash);
  } catch {
    /* not allowed everywhere */
  }
}
let filterTimer = 0;
box.addEventListener("input", () => {
  clearTimeout(filterTimer);
  filterTimer = setTimeout(apply, 80);
});
/** @type {HTMLElement} */ (byId("search-form")).addEventListener("submit", (event) => {
  event.preventDefault();
  apply();
});
