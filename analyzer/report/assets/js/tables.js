// What one can do with a table, markup or grid: sort it, choose its columns, copy it, and save it as CSV.

/**
 * @typedef {{ text: string, value: number | null }} Value value: the number that the text is written from
 * @typedef {{ label: string, unit: string, hidden: boolean }} Heading
 * @typedef {object} TableActions
 * @property {string} name for people; @property {string} ident for the file's name
 * @property {() => Heading[]} headings of all columns
 * @property {(column: number, hide: boolean) => void} hide
 * @property {() => Iterable<Value[]>} rows those that the filter keeps, in order, with the columns that are shown
 */

/**
 * Return what a click on a column's head makes of the order: upwards, downwards, not at all.
 * @param {number} sorted @param {boolean} down @param {number} column
 * @returns {[number, boolean]}
 */
const nextSort = (sorted, down, column) => (sorted !== column ? [column, false] : down ? [-1, false] : [column, true]);

/**
 * Return places in the order of numbers; what is NaN comes last, equal ones stay as they were.
 * @param {Float64Array} numbers @param {boolean} down
 */
function inOrder(numbers, down) {
  const sign = down ? -1 : 1;
  return Int32Array.from(numbers, (_, at) => at).sort((a, b) => {
    const [x, y] = [numbers[a], numbers[b]];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    return sign * (x - y) || a - b;
  });
}

// ── markup ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {{ hidden: boolean }} one */
const visible = ({ hidden }) => !hidden;
/** Return what a cell holds. @param {HTMLElement} cell @returns {Value} */
function valueOf(cell) {
  const text = (cell.textContent || "").trim().replace(/\s+/g, " ");
  const plain = cell.classList.contains("n") && /^-?[\d\u202f]+(\.\d+)?$/.test(text);
  const value = cell.dataset.v ?? (plain ? text.replaceAll("\u202f", "") : null);
  return { text, value: value === null ? null : Number(value) };
}
/** @param {HTMLTableElement} table @param {number} column @param {HTMLTableRowElement[]} list */
function ranksOf(table, column, list) {
  const values = list.map((row) => valueOf(row.cells[column]));
  const numeric =
    table.tHead?.rows[0].cells[column].classList.contains("n") || values.some(({ value }) => value !== null);
  if (numeric) return Float64Array.from(values, ({ value }) => value ?? NaN);
  const places = placesOf(values.map(({ text }) => text));
  return Float64Array.from(places, (place, at) => (list[at].cells[column].classList.contains("muted") ? NaN : place));
}
/** Let the heads of a table sort it. @param {HTMLTableElement} table */
function sortable(table) {
  const body = table.tBodies[0];
  const heads = /** @type {HTMLTableCellElement[]} */ (all("thead th", table));
  const given = Array.from(body.rows); // the order that the page gives
  let [sorted, down] = [-1, false];
  heads.forEach((head, column) => {
    const button = newElement("button", { type: "button", class: "sort" });
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      [sorted, down] = nextSort(sorted, down, column);
      const order = sorted < 0 ? given : Array.from(inOrder(ranksOf(table, column, given), down), (at) => given[at]);
      body.append(...order);
      for (const one of heads) one.setAttribute("aria-sort", "none");
      if (sorted >= 0) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
}
/** @param {HTMLTableElement} table @param {string} name @param {string} ident @returns {TableActions} */
function tableActions(table, name, ident) {
  const heads = Array.from(table.tHead?.rows[0].cells || []);
  return {
    name,
    ident,
    headings: () =>
      heads.map((head) => ({
        label: (head.textContent || "").trim(),
        unit: head.dataset.unit || "",
        hidden: head.hidden,
      })),
    hide: (column, hide) => {
      for (const row of all("tr", table)) /** @type {HTMLTableRowElement} */ (row).cells[column].hidden = hide;
    },
    *rows() {
      for (const row of table.tBodies[0].rows) {
        if (visible(row)) yield Array.from(row.cells).filter(visible).map(valueOf);
      }
    },
  };
}

// ── grids ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {GridState} grid @param {GridData} data @param {string} name */
function gridToolbar(grid, data, name) {
  grid.view.before(
    tableTools({
      name,
      ident: grid.box.querySelector("h3")?.id || "table",
      headings: () => data.columns.map(({ label, unit = "" }, at) => ({ label, unit, hidden: grid.hidden.has(at) })),
      hide: (column, hide) => {
        grid.hidden[hide ? "add" : "delete"](column);
        if (grid.hidden.has(grid.active.column)) {
          grid.active.column = data.columns.findIndex((_, at) => !grid.hidden.has(at));
        }
        layGrid(grid);
      },
      *rows() {
        const shown = data.columns.filter((_, at) => !grid.hidden.has(at));
        for (const row of grid.list) yield shown.map((column) => valueIn(column, row));
      },
    }),
  );
}
/** @param {ColumnData} column @param {number} row @returns {Value} */
function valueIn(column, row) {
  const { text, why, value } = cellAt(column, row);
  return { text: why ? `${text} ${why}` : text, value };
}

// ── toolbar ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {TableActions} actions */
function tableTools(actions) {
  const bar = newElement("div", {
    class: "table-tools",
    role: "group",
    "aria-label": say("Tools for the table “{name}”", { name: actions.name }),
  });
  bar.append(columnMenu(actions));
  const tool = (/** @type {string} */ label, /** @type {string} */ title, /** @type {() => void} */ act) => {
    const button = newElement("button", { type: "button", title }, label);
    button.addEventListener("click", act);
    bar.append(button);
  };
  tool(say("Copy rows"), say("Copy the rows that are shown, to paste them into a spreadsheet"), async () => {
    const text = separated(actions, "\t");
    announce(
      (await copy(text))
        ? say("Copied: {rows} rows", { rows: text.split("\r\n").length - 2 })
        : say("Copying is not allowed here"),
    );
  });
  tool("CSV", say("Save the rows that are shown as a CSV file"), () =>
    save(`${actions.ident}_${fileName()}.csv`, separated(actions, ",")),
  );
  return bar;
}
/** @param {TableActions} actions */
function columnMenu(actions) {
  const menu = newElement("details", { class: "column-menu" });
  menu.append(newElement("summary", {}, say("Columns")));
  const list = newElement("div", { class: "column-list" });
  actions.headings().forEach(({ label, hidden }, column) => {
    const choice = newElement("label", {});
    const tick = /** @type {HTMLInputElement} */ (newElement("input", { type: "checkbox" }));
    tick.checked = !hidden;
    tick.addEventListener("change", () => {
      if (!tick.checked && actions.headings().filter(visible).length < 2) tick.checked = true;
      else actions.hide(column, !tick.checked);
    });
    choice.append(tick, ` ${label}`);
    list.append(choice);
  });
  menu.append(list);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.hasAttribute("open")) return;
    menu.removeAttribute("open");
    menu.querySelector("summary")?.focus();
    event.stopPropagation();
  });
  return menu;
}
document.addEventListener("pointerdown", (event) => {
  for (const menu of all(".column-menu[open]")) {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  }
});

// ── as text ─────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Write the rows that are shown as CSV (RFC 4180) or, with tabs, for pasting into a spreadsheet. A number is written as
 * it is, in the unit that its column's head names, unless its text says more ("at least 3 ms"); a zero that is not shown
 * is one, too. What is unknown is empty.
 * @param {TableActions} actions @param {string} separator
 */
function separated(actions, separator) {
  const line = (/** @type {string[]} */ fields) => `${fields.join(separator)}\r\n`;
  const heads = actions.headings().filter(visible);
  const lines = [line(heads.map(({ label, unit }) => field(unit ? `${label} (${unit})` : label, separator)))];
  for (const row of actions.rows()) lines.push(line(row.map((value, at) => written(value, heads[at].unit, separator))));
  return lines.join("");
}
/** @param {Value} shown @param {string} unit @param {string} separator */
function written({ text, value }, unit, separator) {
  const exact = unit ? /^-?\d/ : /^-?[\d\u202f]+(?:\.\d+)?$/;
  if (value !== null && (!text || exact.test(text))) return String(value);
  return text === DASH ? "" : field(text, separator);
}
/**
 * Write a text so that it is one field, and no formula: a spreadsheet runs what begins with certain signs.
 * @param {string} text @param {string} separator
 */
function field(text, separator) {
  const harmless = /^[=+\-@\t\r\0]/.test(text) ? `'${text}` : text;
  if (separator === "\t") return harmless.replace(/[\t\r\n]+/g, " ");
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
/** Return the capture's name as part of a file name. */
function fileName() {
  const name = document.querySelector("h1")?.textContent || "";
  return name.replace(/[^A-Za-z0-9._-]+/g, "_").slice(-60) || "capture";
}
/** @param {string} name @param {string} text */
function save(name, text) {
  const link = /** @type {HTMLAnchorElement} */ (newElement("a", { download: name }));
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

for (const table of /** @type {HTMLTableElement[]} */ (all(".scroll > table"))) {
  const place = table.closest(".table-box");
  if (!table.tHead || table.tBodies[0].rows.length < 2 || (place && place.hasAttribute("data-grid"))) continue;
  sortable(table);
  const title = place && place.querySelector("h3");
  if (title) {
    table.parentElement?.before(
      tableTools(tableActions(table, (title.firstChild?.textContent || "").trim(), title.id)),
    );
  }
}
