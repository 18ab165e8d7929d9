// Grids: sorting, filtering, and the way to a row that is not in the document.

/** Sort by a column: upwards, downwards, not at all. @param {GridState} grid @param {number} column */
function sortGrid(grid, column) {
  if (!grid.data) return;
  [grid.sorted, grid.down] = nextSort(grid.sorted, grid.down, column);
  const { rows: total, columns } = grid.data;
  grid.order =
    grid.sorted < 0
      ? Int32Array.from({ length: total }, (_, row) => row)
      : inOrder(ranks(columns[grid.sorted], total), grid.down);
  listRows(grid);
  grid.active = { row: -1, column };
  layGrid(grid);
  activeCell(grid)?.focus({ preventScroll: true });
}
/** Make the list of rows to see from their order and the filter. @param {GridState} grid */
function listRows(grid) {
  const { kept, order } = grid;
  if (!kept) {
    grid.list = order;
    return;
  }
  const list = new Int32Array(order.length);
  let length = 0;
  for (const row of order) if (kept[row] === 1) list[length++] = row;
  grid.list = list.subarray(0, length);
}
/**
 * Show the rows that fit; return how many that are. Grids that are not read yet follow.
 * @param {Term[]} terms
 * @param {boolean} active whether anything is filtered
 */
function filterGrids(terms, active) {
  let shown = 0;
  for (const grid of grids) {
    if (!grid.data) {
      if (active) readGrid(grid);
      continue;
    }
    grid.kept = active ? gridMatch(grid.data, terms) : null;
    listRows(grid);
    if (grid.top) scrollGrid(grid, 0);
    grid.active = { row: 0, column: grid.active.column };
    layGrid(grid);
    tellNothing(grid.box, grid.list.length === 0);
    shown += active ? grid.list.length : 0;
  }
  return shown;
}
/** @param {GridData} data @param {Term[]} terms */
function gridMatch(data, terms) {
  const kept = new Uint8Array(data.rows).fill(1);
  for (const term of terms) {
    const hits = new Uint8Array(data.rows);
    const column = term.field ? markOf(data, FIELDS[term.field]) : undefined;
    const until = term.field === "time" ? markOf(data, "to") : undefined;
    if (column) markRows(column, data.rows, fitter(term), hits, until);
    if (!term.field) for (const shown of data.columns) markText(shown, data.rows, term.words[0], hits);
    for (let row = 0; row < data.rows; row += 1) if (hits[row] === Number(term.not)) kept[row] = 0;
  }
  const from = markOf(data, "from");
  if (range === null || !from) return kept;
  const to = markOf(data, "to") || from;
  for (let row = 0; row < data.rows; row += 1) {
    const begin = factAt(from, row);
    const end = factAt(to, row);
    if (begin !== "" && (Number(begin) > range[1] || Number(end === "" ? begin : end) < range[0])) kept[row] = 0;
  }
  return kept;
}
/** Return the row that an anchor names in a grid, -1 for none. @param {GridState} grid @param {string} anchor */
function rowOf(grid, anchor) {
  const found = /^([a-z]+(?:-[a-z]+)*)-(\d+)$/.exec(anchor);
  if (!found || found[1] !== grid.box.dataset.anchor) return -1;
  const row = Number(found[2]) - Number(grid.box.dataset.first);
  return row >= 0 && row < grid.total ? row : -1;
}
/** Say whether an anchor leads out of a grid. @param {GridState} grid @param {string} anchor */
const isElsewhere = (grid, anchor) =>
  byId(anchor) !== null || grids.some((other) => other !== grid && rowOf(other, anchor) >= 0);

/** Go to a row that only a grid has; return whether one has it. @param {string} anchor */
function gridReveal(anchor) {
  const grid = grids.find((one) => rowOf(one, anchor) >= 0);
  if (!grid) return false;
  readGrid(grid).then(() => {
    const row = rowOf(grid, anchor);
    let place = grid.list.indexOf(row);
    if (place < 0) {
      grid.kept = null; // the filter leaves it out, but somebody wants to see it
      listRows(grid);
      tellNothing(grid.box, false);
      place = grid.list.indexOf(row);
    }
    grid.found = row;
    reveal(grid.box);
    layGrid(grid);
    grid.height = grid.view.clientHeight;
    scrollGrid(grid, place * GRID_ROW - grid.height / 2);
    grid.view.scrollIntoView({ block: "center", behavior: "instant" });
    focusCell(grid, place, grid.active.column);
  });
  return true;
}
