// Copying: texts, and the display filter of a row.
/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    /* older browsers: the way below */
  }
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}
document.addEventListener("click", async (event) => {
  const button =
    event.target instanceof Element && /** @type {HTMLElement | null} */ (event.target.closest("button.copy"));
  if (!button) return;
  event.preventDefault();
  const words = button.textContent;
  const shown = button.previousElementSibling; // the filter stands before its button, if it is shown at all
  const text = button.dataset.copy || (shown && shown.textContent) || "";
  const done = await copy(text);
  button.textContent = done ? say("Copied") : say("Select and copy by hand");
  button.classList.toggle("done", done);
  if (done) announce(say("Copied: {text}", { text }));
  setTimeout(() => {
    button.textContent = words;
    button.classList.remove("done");
  }, 1500);
});

// Words on what has happened: seen for a moment, and read out.
const announcer = newElement("p", { class: "announcer", role: "status", "aria-live": "polite" });
document.body.append(announcer);
let announced = 0;
/** @param {string} text */
function announce(text) {
  announcer.textContent = text;
  announcer.classList.add("on");
  clearTimeout(announced);
  announced = setTimeout(() => {
    announcer.classList.remove("on");
    announcer.textContent = ""; // or it would be read among what is said later
  }, 4000);
}

/**
 * Return the display filter that selects a row's frames or, where there are none or too many, its connections.
 * @param {string} frames "3 7-9" @param {string} streams "0 2"
 */
function rowFilter(frames, streams) {
  const spans = spansIn(frames);
  if (spans.length === 1 && spans[0][0] === spans[0][1]) return `frame.number == ${spans[0][0]}`;
  if (spans.length) {
    return `frame.number in {${spans.map(([low, high]) => (low === high ? low : `${low}..${high}`)).join(", ")}}`;
  }
  const numbers = streams.split(" ").filter((word) => /^\d+$/.test(word));
  if (numbers.length < 2) return numbers.length ? `tcp.stream eq ${numbers[0]}` : "";
  return `tcp.stream in {${numbers.join(", ")}}`;
}
/** @param {Element | null} node @returns {HTMLElement | null} the row that a node lies in, if it has a filter */
function rowWithFilter(node) {
  return node && /** @type {HTMLElement | null} */ (node.closest("[data-frames], [data-stream]"));
}
/** @param {HTMLElement} row */
async function copyFilterOf(row) {
  const text = rowFilter(row.dataset.frames || "", row.dataset.stream || "");
  if (text) announce((await copy(text)) ? say("Copied: {text}", { text }) : say("Copying is not allowed here"));
}
/** Copy the filter of the row that has the focus; return false where none has one. */
function copyRowFilter() {
  const row = rowWithFilter(document.activeElement);
  if (!row) return false;
  copyFilterOf(row);
  return true;
}

// One button for all rows: it comes to the one that is pointed at or has the focus.
const rowButton = newElement("button", { type: "button", class: "row-copy", tabindex: -1 }, say("Copy filter"));
rowButton.title = say("Copy the display filter of this row for Wireshark (f)");
rowButton.hidden = true;
document.body.append(rowButton);
/** @type {HTMLElement | null} */
let rowOfButton = null;
/** Rows that have no room for a button of their own; others have one among their details. */
const BARE_ROWS = "tr, .grid-row";
/** @param {EventTarget | null} target */
function offerFilter(target) {
  if (target === rowButton) return;
  const row = target instanceof Element ? rowWithFilter(target.closest(BARE_ROWS)) : null;
  const text = row && row.matches(BARE_ROWS) ? rowFilter(row.dataset.frames || "", row.dataset.stream || "") : "";
  rowButton.hidden = !text;
  rowOfButton = text ? row : null;
  if (!text || !row) return;
  const place = row.getBoundingClientRect();
  const frame = (row.closest(".scroll, .grid") || document.body).getBoundingClientRect();
  const right = Math.min(place.right, frame.right);
  rowButton.style.left = `${right + scrollX - rowButton.offsetWidth - 4}px`;
  rowButton.style.top = `${place.top + scrollY + Math.min(place.height, 34) / 2 - rowButton.offsetHeight / 2}px`;
}
document.addEventListener("mouseover", (event) => offerFilter(event.target));
document.addEventListener("focusin", (event) => offerFilter(event.target));
let offering = 0;
document.addEventListener(
  "scroll",
  () => {
    rowButton.hidden = true;
    clearTimeout(offering);
    offering = setTimeout(() => {
      // the rows are elsewhere now, and a pointer that stays over the same one says nothing
      offerFilter(document.querySelector(":is(tr, .grid-row):hover") ?? document.activeElement);
    }, 150);
  },
  { capture: true, passive: true },
);
rowButton.addEventListener("click", () => rowOfButton && copyFilterOf(rowOfButton));
