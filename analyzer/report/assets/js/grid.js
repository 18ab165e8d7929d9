// Grids: tables of up to 200,000 rows, of which only what one can see is in the document.

/**
 * @typedef {object} GridState
 * @property {HTMLElement} box
 * @property {GridData | null} data null until it is read
 * @property {Promise<void> | null} reading
 * @property {number} total
 * @property {HTMLElement} view what scrolls
 * @property {HTMLElement} head
 * @property {HTMLElement} body
 * @property {Map<number, HTMLElement>} drawn place in the list → row
 * @property {Int32Array} order all rows, as sorted
 * @property {Uint8Array | null} kept which rows the filter keeps; null for all
 * @property {Int32Array} list the rows there are to see, in order
 * @property {number} sorted column, -1 for none
 * @property {boolean} down
 * @property {Set<number>} hidden columns
 * @property {{ row: number, column: number }} active where the focus is or would be; row -1 is the head
 * @property {number} found row to point out, -1 for none
 * @property {number} top how far it is scrolled; kept here, since asking for it makes the browser lay out the page
 * @property {number} height what one can see of it
 */

const GRID_ROW = 28; // pixels; as in grid.css
const GRID_SPARE = 6; // rows drawn above and below what one can see
const GRID_SAMPLE = 300; // rows that a column's width is taken from

/** @param {HTMLElement} box @returns {GridState} */
function gridState(box) {
  const none = new Int32Array(0);
  const [view, head, body] = ["grid", "grid-head", "grid-body"].map((name) => newElement("div", { class: name }));
  view.append(head, body);
  const active = { row: 0, column: 0 };
  const state = {
    box,
    data: null,
    reading: null,
    total: Number(box.dataset.total),
    view,
    head,
    body,
    active,
    list: none,
  };
  return {
    ...state,
    drawn: new Map(),
    order: none,
    kept: null,
    sorted: -1,
    down: false,
    hidden: new Set(),
    found: -1,
    top: 0,
    height: 600,
  };
}
/** @type {GridState[]} */
const grids = /** @type {HTMLElement[]} */ (all("[data-grid]")).map(gridState);
const gridTotal = () => grids.reduce((sum, grid) => sum + grid.total, 0);

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {HTMLScriptElement} source @returns {Promise<GridData>} */
async function unpack(source) {
  const text = source.textContent || "";
  if (source.type === "application/json") return JSON.parse(text);
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}
/** Read a grid's data, once, and show it in the place of its first rows. @param {GridState} grid */
function readGrid(grid) {
  grid.reading ??= unpack(/** @type {HTMLScriptElement} */ (byId(grid.box.dataset.grid || ""))).then((data) => {
    grid.data = completed(data);
    grid.order = grid.list = Int32Array.from({ length: data.rows }, (_, row) => row);
    byId(grid.box.dataset.grid || "")?.remove();
    showGrid(grid, data);
    if (box.value || range) apply();
  });
  return grid.reading;
}
/** @param {GridState} grid @param {GridData} data */
function showGrid(grid, data) {
  const { box: place, view, head, body } = grid;
  const caption = place.querySelector("h3")?.firstChild?.textContent?.trim() || "";
  const told = { role: "grid", "aria-label": caption, "aria-colcount": data.columns.length };
  for (const [name, value] of Object.entries(told)) view.setAttribute(name, String(value));
  for (const part of [head, body]) part.setAttribute("role", "rowgroup");
  place.querySelector(".scroll")?.replaceWith(view);
  view.addEventListener("scroll", () => requestAnimationFrame(() => seeGrid(grid)), { passive: true });
  view.addEventListener("keydown", (event) => gridKey(grid, event));
  view.addEventListener("focusin", (event) => gridFocus(grid, /** @type {HTMLElement} */ (event.target)));
  new ResizeObserver(() => seeGrid(grid)).observe(view);
  gridToolbar(grid, data, caption);
  layGrid(grid);
}

/** Draw what one can see now. @param {GridState} grid */
function seeGrid(grid) {
  grid.top = grid.view.scrollTop;
  grid.height = grid.view.clientHeight;
  drawGrid(grid);
}

// ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Lay out a grid anew: its columns or their order have changed. @param {GridState} grid */
function layGrid(grid) {
  const { data, head, view, body } = grid;
  if (!data) return;
  const shown = data.columns.map((_, at) => at).filter((at) => !grid.hidden.has(at));
  const widths = shown.map((at) => widthOf(data, at));
  const wide = shown.map((at) => data.columns[at].kind === "w");
  const grows = (/** @type {number} */ n) => (wide.includes(true) ? wide[n] : n === shown.length - 1);
  const tracks = widths.map((ch, n) => `minmax(${ch}ch, ${grows(n) ? "1fr" : `${ch}ch`})`);
  view.style.setProperty("--columns", tracks.join(" "));
  view.style.setProperty("--width", `${widths.reduce((sum, ch) => sum + ch, 0)}ch`);
  const row = newElement("div", { role: "row", class: "grid-row", "aria-rowindex": 1 });
  for (const at of shown) {
    const { label, kind = "", title = "" } = data.columns[at];
    const sort = at !== grid.sorted ? "none" : grid.down ? "descending" : "ascending";
    const told = { role: "columnheader", class: kind, "aria-colindex": at + 1, "aria-sort": sort, title };
    const cell = newElement("div", told);
    const button = newElement("button", { type: "button", class: "sort", tabindex: -1, "data-column": at }, label);
    button.addEventListener("click", () => sortGrid(grid, at));
    cell.append(button);
    row.append(cell);
  }
  head.replaceChildren(row);
  grid.drawn.clear();
  body.replaceChildren();
  drawGrid(grid);
}
/** Return a column's width in characters. @param {GridData} data @param {number} at */
function widthOf(data, at) {
  const { label, kind } = data.columns[at];
  let most = label.length + 2;
  for (let row = 0; row < Math.min(data.rows, GRID_SAMPLE); row += 1) {
    most = Math.max(most, shownText(cellAt(data.columns[at], row)).length);
  }
  return Math.min(most, kind === "w" ? 44 : 30) + 3;
}
/** Draw the rows that one can see, and the one that has the focus. @param {GridState} grid */
function drawGrid(grid) {
  const { view, body, drawn, list, active } = grid;
  if (!grid.data) return;
  view.setAttribute("aria-rowcount", String(list.length + 1));
  body.style.height = `${list.length * GRID_ROW}px`;
  active.row = Math.min(active.row, list.length - 1);
  const first = Math.max(0, Math.floor(grid.top / GRID_ROW) - GRID_SPARE);
  const last = Math.min(list.length, Math.ceil((grid.top + grid.height) / GRID_ROW) + GRID_SPARE);
  const wanted = new Set(active.row >= 0 ? [active.row] : []);
  for (let place = first; place < last; place += 1) wanted.add(place);
  for (const [place, row] of drawn) {
    if (wanted.has(place)) continue;
    row.remove();
    drawn.delete(place);
  }
  for (const place of wanted) if (!drawn.has(place)) drawn.set(place, body.appendChild(gridRow(grid, place)));
  markActive(grid);
}
/** @param {GridState} grid @param {number} place */
function gridRow(grid, place) {
  const data = /** @type {GridData} */ (grid.data);
  const at = grid.list[place];
  const row = newElement("div", {
    role: "row",
    class: at === grid.found ? "grid-row found" : "grid-row",
    "aria-rowindex": place + 2,
  });
  row.style.top = `${place * GRID_ROW}px`;
  for (const name of ["frames", "stream"]) {
    const column = markOf(data, name);
    const fact = column ? String(factAt(column, at)) : "";
    if (fact) {
      row.dataset[name] =
        name === "frames"
          ? spansIn(fact)
              .map((span) => [...new Set(span)].join("-"))
              .join(" ")
          : fact;
    }
  }
  data.columns.forEach((column, n) => {
    if (grid.hidden.has(n)) return;
    const { text, tone, title, why, link, href, bar } = cellAt(column, at);
    const told = {
      role: "gridcell",
      class: `${column.kind || ""} ${tone}`.trim(),
      "aria-colindex": n + 1,
      tabindex: -1,
    };
    const cell = newElement("div", { ...told, title: [text, why, title].filter(Boolean).join(" – ") });
    if (bar) cell.append(smallBar(bar), " ");
    if (link && isElsewhere(grid, link)) cell.append(newElement("a", { href: `#${link}`, tabindex: -1 }, text));
    else if (href && isOwnFile(href)) {
      cell.append(newElement("a", { class: "file-link", href, tabindex: -1 }, text));
    } else cell.append(text);
    if (why) cell.append(" ", newElement("small", {}, why));
    row.append(cell);
  });
  return row;
}
/** What a part of a link to another file may look like: a safe name, in which letters of any script are encoded. */
const OWN_NAME = /^(?:\w|%[89A-F][\dA-F])(?:[\w.-]|%[89A-F][\dA-F])*$/;
/** Tell whether a link leads below this page's own folder. @param {string} href */
const isOwnFile = (href) => href.split("/").every((name) => OWN_NAME.test(name));
/** @param {Pieces} pieces */
function smallBar(pieces) {
  const make = (/** @type {string} */ tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
  const bar = make("svg");
  const told = { class: "small-bar", width: "84", height: "11", "aria-hidden": "true" };
  for (const [name, value] of Object.entries(told)) bar.setAttribute(name, value);
  for (const [phase, left, width] of pieces) {
    const piece = make("rect");
    const at = { class: `ph ph-${phase}`, x: `${left}%`, width: `${width}%`, height: "11" };
    for (const [name, value] of Object.entries(at)) piece.setAttribute(name, value);
    bar.append(piece);
  }
  return bar;
}
/** @param {GridData} data @param {string} name @returns {ColumnData | undefined} */
function markOf(data, name) {
  const mark = data.marks[name];
  return typeof mark === "number" ? data.columns[mark] : mark;
}

const nearGrid = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      const grid = grids.find((one) => one.box === target);
      if (isIntersecting && grid) readGrid(grid);
    }
  },
  { rootMargin: "600px" },
);
for (const { box: place } of grids) nearGrid.observe(place);
