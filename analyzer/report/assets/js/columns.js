// The columns of a grid: from the page's data to what a cell shows, what it is sorted by, and what the filter looks at.

/**
 * @typedef {[string, number, number][]} Pieces of a small bar: phase, left, width, in percent
 * @typedef {string | [string, string?, string?, string?, string?, number?, string?, Pieces?]} CellData text, or text,
 *   tone, title, why, link, value, href, bar (analyzer/report/grid.py)
 * @typedef {{ text: string, tone: string, title: string, why: string, link: string, value: number | null,
 *   href?: string, bar?: Pieces }} CellFact
 * @typedef {{ cells?: CellData[], like?: number, at?: number[], numbers?: (number | null)[], steps?: number[],
 *   first?: number, as?: string, per?: number, link?: string, odd?: Record<string, CellData> }} ColumnData
 * @typedef {ColumnData & { label: string, kind?: string, title?: string, unit?: string }} ShownColumn
 * @typedef {{ rows: number, columns: ShownColumn[], marks: Record<string, ColumnData | number> }} GridData
 */

const DASH = "–";

/** @type {Record<string, (value: number) => string>} How numbers are written for people, as in analyzer/units.py. */
const NUMBER_FORMS = {
  plain: String,
  count: (value) => (value < 10000 ? String(value) : String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f")),
  ms: durationText,
  bytes: sizeText,
  seconds: (value) => `${value.toFixed(3)} s`,
  instant: (value) => `${value.toFixed(6)} s`,
};
/** @param {number} ms */
function durationText(ms) {
  if (Math.abs(ms) < 0.0005) return "0 ms";
  if (Math.abs(ms) < 9.995) return `${ms.toFixed(2)} ms`;
  if (Math.abs(ms) < 999.5) return `${ms.toFixed(0)} ms`;
  if (Math.abs(ms) < 59995) return `${(ms / 1000).toFixed(2)} s`;
  const whole = Math.round(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(whole / unit));
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return days < 730 ? `${days} d ${hours % 24} h` : say("{n} years", { n: (days / 365.25).toFixed(1) });
}
/** @param {number} size */
function sizeText(size) {
  if (Math.abs(size) < 1000) return `${size} B`;
  let rest = size / 1000;
  for (const unit of ["kB", "MB", "GB"]) {
    if (Math.abs(rest) < 999.5) return `${Number(rest.toPrecision(3))} ${unit}`;
    rest /= 1000;
  }
  return `${Number(rest.toPrecision(3))} TB`;
}

/** @param {CellData} data @returns {CellFact} */
function cellOf(data) {
  const [text, tone = "", title = "", why = "", link = "", value = null, href = "", bar] =
    typeof data === "string" ? [data] : data;
  return { text, tone, title, why, link, value, href, bar };
}

/**
 * Put into columns what they are written without: numbers for steps, each from the number before, and the cells of
 * another column that are theirs, too.
 * @param {GridData} data
 */
function completed(data) {
  for (const column of [...data.columns, ...Object.values(data.marks)]) {
    if (typeof column === "number") continue;
    if (column.like !== undefined) column.cells = data.columns[column.like].cells;
    if (!column.steps) continue;
    let sum = 0;
    column.numbers = column.steps.map((step) => {
      sum += step;
      return sum;
    });
    delete column.steps;
  }
  return data;
}

/** Return the place of a row's cell among a column's cells. @param {ColumnData} column @param {number} row */
const placeAt = ({ at, cells }, row) => (at ? at[row] : cells && cells.length === 1 ? 0 : row);

/**
 * Return the number of a row in a column of numbers, in the column's unit; null where it is unknown.
 * @param {ColumnData} column
 * @param {number} row
 */
function numberAt(column, row) {
  if (column.first !== undefined) return column.first + row;
  const number = column.numbers ? column.numbers[row] : null;
  return number === null ? null : number / (column.per || 1);
}

/**
 * Return a row's cell in a column.
 * @param {ColumnData} column
 * @param {number} row
 * @returns {CellFact}
 */
function cellAt(column, row) {
  if (column.cells) return cellOf(column.cells[placeAt(column, row)]);
  const odd = column.odd && column.odd[row];
  if (odd !== undefined) return cellOf(odd);
  const value = numberAt(column, row);
  if (value === null) return { text: DASH, tone: "muted", title: say("unknown"), why: "", link: "", value };
  const link = column.link ? `${column.link}-${value}` : "";
  return { text: NUMBER_FORMS[column.as || "plain"](value), tone: "", title: "", why: "", link, value };
}

/**
 * Return for each row of a column a number to sort by: its value, or the place of its text among all texts; NaN, which
 * comes last, where it is unknown.
 * @param {ColumnData} column
 * @param {number} rows
 */
function ranks(column, rows) {
  const out = new Float64Array(rows);
  if (!column.cells) {
    for (let row = 0; row < rows; row += 1) out[row] = numberAt(column, row) ?? cellAt(column, row).value ?? NaN;
    return out;
  }
  const facts = column.cells.map(cellOf);
  const places = placesOf(facts.map((fact) => fact.text));
  const numeric = facts.some((fact) => fact.value !== null);
  const rank = facts.map((fact, at) => (numeric ? (fact.value ?? NaN) : fact.tone === "muted" ? NaN : places[at]));
  for (let row = 0; row < rows; row += 1) out[row] = rank[placeAt(column, row)];
  return out;
}
const collator = new Intl.Collator("en", { numeric: true });
/** Return the place of each text among all texts, equal ones at one place. @param {string[]} list */
function placesOf(list) {
  const sorted = [...new Set(list)].sort(collator.compare);
  const places = new Map(sorted.map((text, at) => [text, at]));
  return list.map((text) => /** @type {number} */ (places.get(text)));
}

/**
 * Mark the rows of a column whose value passes a test; each of the values that come again is looked at once.
 * @param {ColumnData} column
 * @param {number} rows
 * @param {(value: string | number, until?: string | number) => boolean} test
 * @param {Uint8Array} out set to 1 for the rows that pass
 * @param {ColumnData} [until] for the test's second argument
 */
function markRows(column, rows, test, out, until) {
  if (column.cells && !until) {
    const passes = column.cells.map((data) => test(typeof data === "string" ? data : data[0]));
    for (let row = 0; row < rows; row += 1) if (passes[placeAt(column, row)]) out[row] = 1;
    return;
  }
  for (let row = 0; row < rows; row += 1) {
    if (test(factAt(column, row), until && factAt(until, row))) out[row] = 1;
  }
}
/** Return what the filter knows of a row: a number, a text, "" for nothing. @param {ColumnData} column @param {number} row */
function factAt(column, row) {
  return column.cells ? cellAt(column, row).text : (numberAt(column, row) ?? "");
}

/** What numbers are written with: digits, and the letters of ms, s, min, h, B, kB, MB, GB and TB. */
const NUMBER_LETTERS = /^[\d.,\u202f –bghikmnst-]+$/;
/** What columns of numbers show, in lower case: written once, when somebody first looks for a text. */
const writtenTexts = /** @type {WeakMap<ColumnData, string[]>} */ (new WeakMap());
/**
 * Mark the rows of which a column shows a text.
 * @param {ColumnData} column
 * @param {number} rows
 * @param {string} word in lower case
 * @param {Uint8Array} out
 */
function markText(column, rows, word, out) {
  if (column.cells) {
    const passes = column.cells.map((data) => shownText(cellOf(data)).includes(word));
    for (let row = 0; row < rows; row += 1) if (passes[placeAt(column, row)]) out[row] = 1;
    return;
  }
  if (!NUMBER_LETTERS.test(word)) {
    // most words cannot be in a number: only the cells with words of their own are left
    for (const [row, data] of Object.entries(column.odd || {})) {
      if (shownText(cellOf(data)).includes(word)) out[Number(row)] = 1;
    }
    return;
  }
  let list = writtenTexts.get(column);
  if (!list) {
    list = Array.from({ length: rows }, (_, row) => shownText(cellAt(column, row)));
    writtenTexts.set(column, list);
  }
  for (let row = 0; row < rows; row += 1) if (list[row].includes(word)) out[row] = 1;
}
/** @param {CellFact} fact */
const shownText = (fact) => (fact.why ? `${fact.text} ${fact.why}` : fact.text).toLowerCase();
