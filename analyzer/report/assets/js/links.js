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

/** The address that was gone to before the browser told of it, which it does only after the keys that are waiting. */
let ahead = "";

/**
 * Go to what an anchor names at once, also when it is the page's address already.
 * @param {string} anchor
 */
function go(anchor) {
  if (location.hash !== `#${anchor}`) {
    location.hash = anchor;
    ahead = location.hash;
  }
  follow();
}

/**
 * Restore a filter, a range of seconds, or both, from an address like #q=status:5xx&t=1.203-1.870.
 * @param {string} hash
 */
function restore(hash) {
  const parts = new URLSearchParams(hash.replaceAll("+", "%2B"));
  const span = rangeIn(parts.get("t") || "");
  box.value = parts.get("q") || "";
  if (span) chooseRange(span[0], span[1]);
  else setRange(null);
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
    if (!hash || /^[qt]=/.test(hash) || gridReveal(hash)) return; // a row that a long table has not drawn yet
    const frame = /^frame-([0-9]+)$/.exec(hash);
    if (frame) announce(say("This page shows no frame {number}.", { number: frame[1] }));
    else announce(say("This page has no place called “{name}”.", { name: hash }));
    return;
  }
  reveal(target);
  const room = covered() + 8;
  root.style.scrollPaddingTop = `${room}px`;
  const high = target.getBoundingClientRect().height > innerHeight - room;
  // lines of tables and ladders stand among their neighbours; what has a title of its own begins below the header
  const line = !high && target.matches("tr, [role='row'], svg *");
  target.scrollIntoView({ block: line ? "center" : "start" });
  focusOn(target);
}
window.addEventListener("hashchange", () => {
  if (ahead !== location.hash) follow();
  ahead = "";
});
