// The focus in a grid: one cell has it, and the keys move it (ARIA Authoring Practices, grid pattern).

/** Return the cell that has the focus, or would have it. @param {GridState} grid @returns {HTMLElement | null} */
function activeCell({ head, drawn, active }) {
  const row = active.row < 0 ? head.firstElementChild : drawn.get(active.row);
  const cell = row && row.querySelector(`[aria-colindex="${active.column + 1}"]`);
  return /** @type {HTMLElement | null} */ (active.row < 0 ? cell && cell.querySelector("button") : cell);
}
/** Let the Tab key find one cell, and only one. @param {GridState} grid */
function markActive(grid) {
  for (const cell of all("[tabindex='0']", grid.view)) cell.setAttribute("tabindex", "-1");
  activeCell(grid)?.setAttribute("tabindex", "0");
}
/** @param {GridState} grid @param {HTMLElement} target */
function gridFocus(grid, target) {
  const cell = target.closest("[aria-colindex]");
  const row = target.closest("[aria-rowindex]");
  if (!cell || !row) return;
  grid.active = {
    row: Number(row.getAttribute("aria-rowindex")) - 2,
    column: Number(cell.getAttribute("aria-colindex")) - 1,
  };
  markActive(grid);
}
/** @param {GridState} grid @param {KeyboardEvent} event */
function gridKey(grid, event) {
  const { active, list, data } = grid;
  if (!data || event.altKey || event.metaKey) return;
  const columns = data.columns.map((_, at) => at).filter((at) => !grid.hidden.has(at));
  const page = Math.max(1, Math.floor(grid.height / GRID_ROW) - 2);
  /** @type {Record<string, [number, number]>} */
  const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], PageDown: [page, 0], PageUp: [-page, 0] };
  Object.assign(moves, {
    ArrowRight: [0, 1],
    ArrowLeft: [0, -1],
    Home: [0, -columns.length],
    End: [0, columns.length],
  });
  if (event.ctrlKey) {
    Object.assign(moves, { Home: [-list.length, -columns.length], End: [list.length, columns.length] });
  }
  if (event.key === "Enter" && active.row >= 0) {
    const link = activeCell(grid)?.querySelector("a") || grid.drawn.get(active.row)?.querySelector("a");
    if (link) link.click();
    return;
  }
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  const lowest = move[0] && event.key === "ArrowUp" ? -1 : Math.min(active.row, 0);
  const row = Math.min(Math.max(active.row + move[0], lowest), list.length - 1);
  const column = columns[Math.min(Math.max(columns.indexOf(active.column) + move[1], 0), columns.length - 1)];
  focusCell(grid, row, column);
}
/** @param {GridState} grid @param {number} row @param {number} column */
function focusCell(grid, row, column) {
  grid.active = { row, column };
  const room = grid.height - grid.head.offsetHeight;
  if (row * GRID_ROW < grid.top) scrollGrid(grid, Math.max(row, 0) * GRID_ROW);
  else if ((row + 1) * GRID_ROW > grid.top + room) scrollGrid(grid, (row + 1) * GRID_ROW - room);
  drawGrid(grid);
  const cell = activeCell(grid);
  cell?.focus({ preventScroll: true });
  cell?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
}
/** @param {GridState} grid @param {number} top */
function scrollGrid(grid, top) {
  grid.view.scrollTop = top;
  grid.top = grid.view.scrollTop;
}
