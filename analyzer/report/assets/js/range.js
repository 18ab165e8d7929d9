// A range of seconds that the whole page is filtered by: dragged over the timeline, typed below it, or in the address
// (#t=1.203-1.870). The range itself is filter.js's; here is how it is chosen and shown.

const DRAG_PIXELS = 4; // pixels that a pointer must move before it is no click
const rangeForm = byId("range-form");

/** @param {string} id */
const rangeField = (id) => /** @type {HTMLInputElement | null} */ (byId(id));
const rangeFrom = rangeField("range-from");
const rangeTo = rangeField("range-to");

/** @type {{ plot: Plot, whole: number[], band: HTMLElement } | null} The timeline, once it is drawn. */
let brush = null;

/** @param {[number, number]} span */
const rangeDigits = ([low, high]) => (high - low < 0.02 ? 6 : 3);

/** @param {[number, number]} span */
function rangeWords(span) {
  const [from, to] = span.map((value) => value.toFixed(rangeDigits(span)));
  return say("{from} s – {to} s", { from, to });
}

/** @type {[number, number] | null} The seconds from the first to the last thing on the timeline, if there is one. */
const wholeSpan = rangeFrom && rangeTo ? [Number(rangeFrom.dataset.first), Number(rangeTo.dataset.last)] : null;

/**
 * Keep the range between two times, as far as the capture covers it, or say why there is none.
 * @param {number} one
 * @param {number} other
 */
function chooseRange(one, other) {
  const [low, high] = [Math.min(one, other), Math.max(one, other)];
  const [first, last] = wholeSpan ?? [low, high];
  const [from, to] = [Math.max(low, first), Math.min(high, last)];
  if (from < to) setRange([from, to]);
  else if (low === high) setRange(null, say("a range needs two different times"));
  else {
    const words = { range: rangeWords([low, high]), whole: rangeWords([first, last]) };
    setRange(null, say("{range} is outside the capture ({whole})", words));
  }
}

/** The button in the header that shows the range and ends it. */
const rangeChip = newElement("button", { type: "button", id: "range-chip", class: "range-chip", hidden: "" });
rangeChip.title = say("Show all times again (Esc)");
rangeChip.addEventListener("click", showAllTimes);
byId("search-form")?.before(rangeChip);

/** Show the range wherever it is shown; filter.js calls this when it has changed. */
function showRange() {
  rangeChip.hidden = range === null;
  const words = range ? rangeWords(range) : "";
  rangeChip.textContent = `${words} ✕`;
  rangeChip.setAttribute("aria-label", say("{range}: show all times again", { range: words }));
  if (rangeFrom && rangeTo && !rangeProblem) {
    rangeFrom.value = range ? String(range[0]) : "";
    rangeTo.value = range ? String(range[1]) : "";
  }
  for (const id of ["range-clear", "range-zoom"]) byId(id)?.toggleAttribute("disabled", range === null);
  placeBand(range);
}

/**
 * Return the chart's plotting area on the screen: all panels share their left and right edge.
 * @param {Plot} plot
 */
function plotBox(plot) {
  const boxes = all(".nsewdrag", plot).map((/** @type {Element} */ panel) => panel.getBoundingClientRect());
  if (!boxes.length) return null;
  const top = Math.min(...boxes.map((box) => box.top));
  return {
    left: boxes[0].left,
    width: boxes[0].width,
    top,
    height: Math.max(...boxes.map((box) => box.bottom)) - top,
  };
}

/**
 * Draw the range as a band over the timeline, as far as it is in view.
 * @param {[number, number] | null} span
 */
function placeBand(span) {
  if (!brush) return;
  const { plot, band } = brush;
  const box = plotBox(plot);
  const top = all(".main-svg", plot).at(-1); // plotly's layer for hover texts, which nothing may cover
  if (top && band.nextElementSibling !== top) top.before(band);
  const [low, high] = plot.layout?.xaxis?.range || [0, 0];
  band.hidden = !span || !box || span[1] < low || span[0] > high;
  if (!span || !box) return;
  const place = (/** @type {number} */ value) => Math.min(Math.max((value - low) / (high - low), 0), 1) * box.width;
  const origin = (band.parentElement || plot).getBoundingClientRect();
  const left = place(span[0]);
  band.style.left = `${box.left - origin.left + left}px`;
  band.style.width = `${Math.max(place(span[1]) - left, 2)}px`;
  band.style.top = `${box.top - origin.top}px`;
  band.style.height = `${box.height}px`;
}

/**
 * Return the seconds between two places on the screen, rounded outwards to what a pixel can tell.
 * @param {Plot} plot
 * @param {number} from
 * @param {number} to
 * @returns {[number, number] | null}
 */
function secondsBetween(plot, from, to) {
  const box = plotBox(plot);
  if (!box || !plot.layout) return null;
  const [low, high] = plot.layout.xaxis.range;
  const pixel = (high - low) / box.width;
  const [left, right] = [Math.min(from, to), Math.max(from, to)].map(
    (x) => low + Math.min(Math.max(x - box.left, 0), box.width) * pixel,
  );
  const digits = Math.min(Math.max(Math.ceil(-Math.log10(pixel)), 0), 6);
  const unit = 10 ** digits;
  return [Math.floor(left * unit) / unit, Math.ceil(right * unit) / unit];
}

/**
 * Let the reader drag over a chart to choose a range.
 * @param {Plot} plot
 * @param {Spec} figure as it was before anybody zoomed
 */
function brushOn(plot, figure) {
  const band = newElement("div", { class: "range-band" });
  brush = { plot, band, whole: figure.layout.xaxis.range };
  plot.on("plotly_afterplot", () => placeBand(range));
  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !(event.target instanceof Element) || !event.target.closest(".nsewdrag")) return;
    dragRange(plot, event);
  });
  byId("range-whole")?.removeAttribute("disabled");
  placeBand(range);
}

/** Whether the pointer that was lifted last had dragged a range: plotly takes that for a click on a bar as well. */
let justDragged = false;
window.addEventListener("pointerdown", () => (justDragged = false), true);

/**
 * Follow a pointer until it is lifted. Listening on the window, since plotly covers the page while a button is held.
 * @param {Plot} plot
 * @param {PointerEvent} start
 */
function dragRange(plot, start) {
  const end = new AbortController();
  const { signal } = end;
  let moved = false;
  /** @param {PointerEvent} event */
  const chosen = (event) =>
    event.pointerId === start.pointerId ? secondsBetween(plot, start.clientX, event.clientX) : null;
  window.addEventListener(
    "pointermove",
    (event) => {
      moved ||= Math.abs(event.clientX - start.clientX) >= DRAG_PIXELS;
      if (moved) placeBand(chosen(event));
    },
    { signal },
  );
  window.addEventListener(
    "pointerup",
    (event) => {
      end.abort();
      const span = chosen(event);
      justDragged = moved;
      if (moved && span) chooseRange(...span);
      else placeBand(range);
    },
    { signal },
  );
  window.addEventListener(
    "pointercancel",
    () => {
      end.abort();
      placeBand(range);
    },
    { signal },
  );
}

/** @param {number[]} span seconds at the left and right edge of the timeline */
function zoomTimeline(span) {
  if (brush) plotly()?.relayout(brush.plot, { "xaxis.range": [...span] });
}

/** Show the whole capture on the timeline. */
function zoomOut() {
  const now = brush && zoomedTimeline(brush.plot);
  if (!brush || !now) return;
  const [low, high] = brush.whole;
  const pixel = (high - low) / 10_000; // plotly keeps an edge within less than a pixel
  if (Math.abs(now[0] - low) > pixel || Math.abs(now[1] - high) > pixel) zoomTimeline(brush.whole);
}

/** End the range, and the zoom to it. */
function showAllTimes() {
  setRange(null);
  zoomOut();
}

/**
 * Return the seconds at the edges of a timeline that is drawn already: plotly forgets a zoom that no button of its own
 * has made.
 * @param {HTMLElement} area
 * @returns {number[] | null}
 */
function zoomedTimeline(area) {
  return brush && brush.plot === area && brush.plot.layout ? [...brush.plot.layout.xaxis.range] : null;
}

rangeForm?.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!rangeFrom || !rangeTo) return;
  const low = rangeFrom.value === "" ? Number(rangeFrom.dataset.first) : Number(rangeFrom.value);
  const high = rangeTo.value === "" ? Number(rangeTo.dataset.last) : Number(rangeTo.value);
  if (rangeFrom.value === "" && rangeTo.value === "") setRange(null);
  else chooseRange(low, high);
});
byId("range-clear")?.addEventListener("click", () => {
  showAllTimes();
  rangeFrom?.focus(); // the button that had the focus is disabled now
});
byId("range-zoom")?.addEventListener("click", () => {
  if (range) zoomTimeline([range[0] - (range[1] - range[0]) * 0.03, range[1] + (range[1] - range[0]) * 0.03]);
});
byId("range-whole")?.addEventListener("click", zoomOut);
