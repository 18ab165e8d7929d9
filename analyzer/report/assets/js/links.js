// Links inside the page: what an address names is unfolded, brought into sight below the header, and focused.

/** @param {Element} target */
function reveal(target) {
  for (let node = /** @type {Element | null} */ (target); node; node = node.parentElement) {
    if (node instanceof HTMLDetailsElement) node.open = true;
    if (node instanceof HTMLElement && node.hidden) node.hidden = false;
  }
}

/** Return how many pixels at the top of the window the header covers. */
const covered = () => Math.max(0, document.querySelector(".top")?.getBoundingClientRect().bottom ?? 0);

/**
 * Go to what an anchor names, also when it is the page's address already.
 * @param {string} anchor
 */
function go(anchor) {
  if (location.hash === `#${anchor}`) follow();
  else location.hash = anchor;
}

/**
 * Restore a filter, a range of seconds, or both, from an address like #q=status:5xx&t=1.203-1.870.
 * @param {string} hash
 */
function restore(hash) {
  const parts = new URLSearchParams(hash.replaceAll("+", "%2B"));
  box.value = parts.get("q") || "";
  setRange(rangeIn(parts.get("t") || ""));
}

/** @param {Element} target */
function focusOn(target) {
  const focus = target instanceof HTMLDetailsElement ? target.querySelector("summary") : target;
  if (!(focus instanceof HTMLElement || focus instanceof SVGElement)) return;
  focus.focus({ preventScroll: true });
  if (document.activeElement === focus) return;
  focus.tabIndex = -1; // reading goes on from here, with the keyboard and aloud
  focus.focus({ preventScroll: true });
}

function follow() {
  const hash = location.hash.slice(1);
  if (/^[qt]=/.test(hash)) restore(hash);
  const target = byId(hash);
  if (!target) {
    if (hash && !/^[qt]=/.test(hash)) gridReveal(hash); // a row that a long table has not drawn yet
    return;
  }
  reveal(target);
  const room = covered() + 8;
  root.style.scrollPaddingTop = `${room}px`;
  const high = target.getBoundingClientRect().height > innerHeight - room;
  target.scrollIntoView({ block: high || target.matches("section") ? "start" : "center" });
  focusOn(target);
}
window.addEventListener("hashchange", follow);
