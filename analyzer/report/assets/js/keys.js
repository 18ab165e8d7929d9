// Keys: the way through the page without a mouse. Nothing of it works while somebody types or reads the help.

const help = the("help", HTMLDialogElement);
const sectionLinks = /** @type {HTMLAnchorElement[]} */ (all(".sections a"));
const sections = all("main > section");

/** What takes the focus for a row: its own fold's title where it is one. @param {HTMLElement} row */
const grip = (row) => (row.matches("details") ? /** @type {HTMLElement} */ (row.querySelector("summary")) : row);

/** @param {HTMLElement} row */
const inSight = (row) => row.checkVisibility(); // what is folded away has a place, but is not seen

/** The row that has the focus, or in which something has it. */
const focusedRow = () => /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-row]") ?? null);

/** @type {HTMLElement | null} The row that Tab comes back to, of those that are no place to stop by themselves. */
let tabStop = null;

/** @type {Element | null} What stays in sight while charts and folds above it grow, until the reader does something. */
let held = null;

/** Bring what a key has led to into sight, below the header. @param {Element} place */
function bringIntoSight(place) {
  place.scrollIntoView({ block: "nearest" });
  const above = covered() + 12 - place.getBoundingClientRect().top;
  if (above > 12) window.scrollBy({ top: -above, behavior: "instant" });
}
new ResizeObserver(() => {
  if (held && held === document.activeElement) bringIntoSight(held);
}).observe(document.body);
const letGo = () => {
  held = null;
};
for (const kind of ["wheel", "pointerdown", "touchstart"]) document.addEventListener(kind, letGo, { passive: true });

// A browser focuses what an address names, or nothing, only when it paints: a row gone to meanwhile takes it back.
document.addEventListener("focusout", (event) => {
  const place = held;
  if (!(place instanceof HTMLElement) || event.target !== place) return;
  setTimeout(() => {
    const now = document.activeElement;
    if (held === place && (now === document.body || now === byId(location.hash.slice(1)))) {
      place.focus({ preventScroll: true });
    }
  }, 0);
});

/** Give a row the focus and bring it into sight. @param {HTMLElement} row */
function visitRow(row) {
  const place = grip(row);
  if (tabStop && tabStop !== place) tabStop.tabIndex = -1;
  tabStop = null;
  if (place.tabIndex < 0) {
    place.tabIndex = 0;
    tabStop = place;
  }
  place.focus({ preventScroll: true });
  bringIntoSight(place);
  held = place;
}

/**
 * Return where in the list of rows the first one is that comes after what has the focus or, where that is out of sight,
 * the first one below the header.
 */
function firstRow() {
  const line = covered();
  const focused = document.activeElement;
  const place = focused?.closest("main") ? focused.getBoundingClientRect().top : -1;
  const near = place >= line - 1 && place < innerHeight;
  return rows.findIndex((row) => {
    if (!inSight(row)) return false;
    if (!near || !focused) return grip(row).getBoundingClientRect().top >= line;
    return Boolean(focused.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING);
  });
}

/**
 * Go to the next row in sight, or with -1 to the one before it.
 * @param {1 | -1} by
 */
function step(by) {
  const current = focusedRow();
  let at = current ? rows.indexOf(current) : -1;
  if (at < 0) {
    at = firstRow();
    if (at < 0) return;
    at -= by > 0 ? 1 : 0;
  }
  for (at += by; at >= 0 && at < rows.length; at += by) {
    if (!inSight(rows[at])) continue;
    visitRow(rows[at]);
    return;
  }
}

/** Open the focused row, or follow its first link into the page or to its report. Return whether there was one. */
function enter() {
  const row = document.activeElement;
  if (!(row instanceof HTMLElement) || !row.matches("[data-row]:not(details)")) return false;
  const link = /** @type {HTMLAnchorElement | null} */ (row.querySelector("a[href^='#'], a.file-link"));
  link?.click();
  return link !== null;
}

/** @type {Element | null} What had the focus before the filter. */
let beforeBox = null;
box.addEventListener("focus", (event) => {
  beforeBox = event.relatedTarget instanceof Element ? event.relatedTarget : null;
});

/** Give the focus back to what had it before the filter or, where that is gone, to the page. */
function leaveBox() {
  const place = beforeBox?.closest("main") && beforeBox.checkVisibility() ? beforeBox : the("main", HTMLElement);
  if (place.id === "main") place.setAttribute("tabindex", "-1");
  if (place instanceof HTMLElement || place instanceof SVGElement) place.focus({ preventScroll: true });
}

function showHelp() {
  help.showModal();
  the("help-h", HTMLElement).focus(); // by hand: an autofocus in the page is refused, aloud, where an address has it
}

/** @type {Record<string, () => unknown>} What a key does; one that returns false leaves the key to the browser. */
const KEYS = {
  "/": () => {
    box.focus();
    box.select();
  },
  j: () => step(1),
  k: () => step(-1),
  f: () => copyRowFilter(),
  t: toggleTheme,
  "?": showHelp,
  Escape: showAll,
  Enter: enter,
};
for (const link of sectionLinks.slice(0, 8)) {
  KEYS[String(sectionLinks.indexOf(link) + 1)] = () => go(link.hash.slice(1));
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  letGo();
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (around(event, "input, textarea, select")) {
    if (event.key !== "Escape" || !around(event, "#search, #range-form")) return;
    showAll();
    if (event.target === box) leaveBox();
    return;
  }
  if (Object.hasOwn(KEYS, event.key) && KEYS[event.key]() !== false) event.preventDefault();
}
document.addEventListener("keydown", pressed);
the("help-open", HTMLButtonElement).addEventListener("click", showHelp);
