// The breakdown of a bar, as a popover beside it: on hover, on keyboard focus, on a tap. What it says is read from the
// page: from the row's own table of where its time went or, where there is none, from the titles of the bar's pieces.
const pop = newElement("div", { id: "breakdown", class: "pop", role: "tooltip", hidden: "" });
document.body.append(pop);

/** @type {Element | null} What the popover is about. */
let popFor = null;
/** @type {Element | null} What it describes to a screen reader: what has the focus, if anything has. */
let popOf = null;
let popTimer = 0;
/** @type {number | null} */
let popX = null;

/**
 * Return the words of an element, spaces joined.
 * @param {Element} node
 */
const wordsOf = (node) => (node.textContent || "").replace(/\s+/g, " ").trim();

/**
 * Return the drawing of a phase, as it stands in the legend.
 * @param {string} phase class of the phase
 */
function swatch(phase) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const rect = document.createElementNS(space, "rect");
  svg.setAttribute("class", "swatch");
  svg.setAttribute("aria-hidden", "true");
  rect.setAttribute("class", phase);
  svg.append(rect);
  return svg;
}

/**
 * Add a line to the popover's table.
 * @param {HTMLTableSectionElement} lines
 * @param {{ phase?: string, name: string, value?: string, why?: string, kind?: string }} line
 */
function addLine(lines, { phase = "", name, value = "", why = "", kind = "" }) {
  const row = lines.insertRow();
  const head = newElement("th", { scope: "row" });
  if (phase) head.append(swatch(phase));
  head.append(name);
  row.append(head);
  const cell = row.insertCell();
  cell.textContent = why || value;
  if (why) cell.className = "why";
  if (kind) row.className = kind;
}

/**
 * Fill the popover from a row's table of where its time went.
 * @param {Element} table
 * @param {HTMLTableSectionElement} lines
 */
function fromTable(table, lines) {
  for (const row of all("tr", table)) {
    const head = row.querySelector("th");
    const value = row.querySelector("td");
    if (!head || !value) continue;
    const label = Array.from(head.childNodes, (node) => (node instanceof Text ? node.data : "")).join("");
    const small = head.querySelector("small");
    const drawn = head.querySelector(".ph");
    const unknown = wordsOf(value) === "–" && row.querySelector("td:last-child small");
    addLine(lines, {
      phase: drawn ? drawn.getAttribute("class") || "" : "",
      name: label.trim() || (small ? wordsOf(small) : ""),
      value: wordsOf(value),
      why: unknown ? wordsOf(unknown) : "",
      kind: row.className,
    });
  }
}

/**
 * Fill the popover from the titles of a bar's pieces, "Wait 41 ms".
 * @param {Element} bar
 * @param {HTMLTableSectionElement} lines
 */
function fromTitles(bar, lines) {
  for (const piece of all(":scope > .ph", bar)) {
    const title = piece.querySelector("title");
    if (title) {
      piece.setAttribute("data-words", wordsOf(title));
      title.remove(); // or the browser would show it beside the popover
    }
    const words = piece.getAttribute("data-words") || "";
    const parts = /^(.*\S)\s+(\S+\s\S+)$/.exec(words);
    addLine(lines, {
      phase: piece.getAttribute("class") || "",
      name: parts ? parts[1] : words,
      value: parts ? parts[2] : "",
    });
  }
}

/**
 * Put the popover beside a bar: below it, or above it where there is more room.
 * @param {Element} bar
 * @param {number | null} x where the pointer is
 */
function placePop(bar, x) {
  popX = x;
  const at = bar.getBoundingClientRect();
  const size = pop.getBoundingClientRect();
  const left = x === null ? at.left : x - size.width / 2;
  const below = at.bottom + 6 + size.height <= innerHeight;
  pop.style.left = `${Math.round(Math.max(8, Math.min(left, root.clientWidth - size.width - 8)))}px`;
  pop.style.top = `${Math.round(below ? at.bottom + 6 : Math.max(8, at.top - size.height - 6))}px`;
}

function hidePop() {
  clearTimeout(popTimer);
  if (popOf) popOf.removeAttribute("aria-describedby");
  popFor = popOf = null;
  pop.hidden = true;
}

/** Hide the popover in a moment, so that the pointer can move onto it. */
function leavePop() {
  clearTimeout(popTimer);
  popTimer = setTimeout(hidePop, 150);
}

/**
 * Show what a bar is made of.
 * @param {Element} bar the drawing, or a request's pieces on the lane of its connection
 * @param {Element | null} focused
 * @param {number | null} x where the pointer is
 */
function showPop(bar, focused, x) {
  clearTimeout(popTimer);
  if (popFor === bar && popOf === focused) return;
  hidePop();
  const asked = bar.closest("a");
  const row = asked ? byId((asked.getAttribute("href") || "").slice(1)) : bar.closest(".req, .lane");
  if (!row) return;
  const name = asked
    ? asked.getAttribute("aria-label") || ""
    : all(".req-name > :is(a, b, bdi)", row).map(wordsOf).join(" ");
  const host = row.querySelector(".req-name small");
  const more = newElement("p", { class: "pop-more" }, host ? wordsOf(host) : "");
  if (row.querySelector(".crit")) more.append(more.textContent ? " · " : "", say("on the critical path"));
  const table = newElement("table", {});
  const lines = table.createTBody();
  const own = row.querySelector(".shares");
  const drawing = row.querySelector(".wf-bar");
  if (drawing) fromTitles(drawing, lines); // takes the titles out, too
  if (own) {
    lines.replaceChildren();
    fromTable(own, lines);
  }
  pop.replaceChildren(newElement("p", { class: "pop-title" }, name), more, table);
  pop.hidden = false;
  popFor = bar;
  if (focused) {
    popOf = focused;
    focused.setAttribute("aria-describedby", pop.id);
  }
  placePop(bar, x);
}

/**
 * Return the bar below an event: the pieces of one request on a lane, or the whole drawing.
 * @param {Event} event
 */
function barAt(event) {
  const target = event.target instanceof Element ? event.target : null;
  return target && (target.closest(".wf-bar a") || target.closest(".wf-bar"));
}

let touched = false;
/** Where the pointer was last, and where it lay when a breakdown was closed under it: what it lies on then, it was not
 * moved to. */
let pointer = "";
let closedAt = "";
/** @param {PointerEvent} event */
const placeOf = (event) => `${event.clientX} ${event.clientY}`;
document.addEventListener("pointermove", (event) => (pointer = placeOf(event)), { passive: true });
document.addEventListener("pointerover", (event) => {
  touched = event.pointerType === "touch";
  const bar = barAt(event);
  if (bar && placeOf(event) === closedAt) return;
  if (bar && !touched) showPop(bar, null, event.clientX);
  else if (event.target instanceof Node && pop.contains(event.target)) clearTimeout(popTimer);
  else if (popFor && !popOf && !touched) leavePop();
});
document.addEventListener("focusin", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target || !target.matches(":focus-visible")) return;
  const bar = target.matches(".wf-bar a")
    ? target
    : target.matches(".req > summary, .req, .lane > .req-name > a")
      ? (target.closest(".req, .lane") || target).querySelector(".wf-bar")
      : null;
  if (bar) showPop(bar, target, null);
  else hidePop();
});
document.addEventListener("focusout", () => {
  if (popOf) hidePop();
});
document.addEventListener(
  "click",
  (event) => {
    const bar = barAt(event);
    if (!bar) hidePop();
    else if (touched) {
      // A tap on a bar shows what it is made of, and a second one opens the row; elsewhere the first one does.
      if (popFor !== bar) {
        event.preventDefault();
        showPop(bar, null, event.clientX);
      }
    }
  },
  true,
);
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || pop.hidden) return;
    closedAt = pointer;
    hidePop();
    event.stopPropagation();
  },
  true,
);
window.addEventListener(
  "scroll",
  () => {
    if (popFor) placePop(popFor, popX);
  },
  { passive: true },
);

/** Show the requests of a waterfall when something in them is gone to. */
function showRequests() {
  const target = byId(location.hash.slice(1));
  const drawn = target && target.closest(".wf-requests");
  const radio = drawn && drawn.parentElement && drawn.parentElement.querySelector(".to-requests");
  if (radio instanceof HTMLInputElement && !radio.checked) {
    radio.checked = true;
    follow();
  }
}
window.addEventListener("hashchange", showRequests);
