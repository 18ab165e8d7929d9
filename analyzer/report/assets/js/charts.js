// Charts: each is drawn when it comes near, after the first screen has been painted, while the browser is idle. Plotly
// lies in the page as inert text, or in a file beside it (`--plotly shared`); it is taken when the first chart is drawn.

/**
 * What is used of plotly.js.
 * @typedef {{ [name: string]: any }} Layout
 * @typedef {{ data: Layout[], layout: Layout }} Spec
 * @typedef {{
 *   react: (area: HTMLElement, data: Layout[], layout: Layout, config: object) => Promise<unknown>,
 *   relayout: (area: HTMLElement, change: Layout) => Promise<unknown>,
 * }} PlotlyApi
 * @typedef {{ points: { customdata?: unknown }[] }} ChartClick
 * @typedef {HTMLElement & { layout?: Layout, on: (event: string, act: (event: ChartClick) => void) => void }} Plot
 * @typedef {{ area: HTMLElement, paint: () => Promise<void>, width: number, stale: boolean }} Drawn
 */

const INK = "#1b1f24"; // stands for the theme's text colour in every figure
const NARROW_CHART = 600; // a chart of fewer pixels has no room for words beside its marks
const HOVER_LINE = 38; // letters that a hover text has in a line there
const CHART_PATIENCE = 1500; // ms after which a chart is drawn even if the browser is never idle
const SCROLL_PAUSE = 150; // ms without scrolling before plotly is compiled, which takes the page some hundred

/** @type {Drawn[]} */
const drawnCharts = [];

/** @param {HTMLElement} area */
const chartConfig = (area) => ({
  displaylogo: false,
  responsive: true,
  plotlyServerURL: "",
  showSendToCloud: false,
  // On the timeline, dragging chooses a range (range.js): buttons that change what dragging does would confuse.
  modeBarButtonsToRemove: ["sendChartToCloud", "sendDataToCloud", "lasso2d", "select2d", "autoScale2d"].concat(
    area.dataset.brush === undefined ? [] : ["zoom2d", "pan2d"],
  ),
});

/** @returns {PlotlyApi | undefined} */
const plotly = () => /** @type {any} */ (window).Plotly;

/** @param {string} name of a property of the page's theme */
const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

/**
 * Return a figure in the theme's text colour.
 * @template T
 * @param {T} value
 * @param {string} ink
 * @returns {T}
 */
function themedFigure(value, ink) {
  if (Array.isArray(value)) return /** @type {any} */ (value.map((item) => themedFigure(item, ink)));
  if (value && typeof value === "object") {
    return /** @type {any} */ (
      Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themedFigure(item, ink)]))
    );
  }
  return /** @type {any} */ (value === INK ? ink : value);
}

/** @type {Promise<boolean> | null} */
let plotlyLoading = null;

/** Take plotly, once; false when the file beside the report is missing. */
function loadPlotly() {
  plotlyLoading ??= new Promise((done) => {
    const source = byId("plotly-source");
    if (!source) {
      done(false);
      return;
    }
    const script = document.createElement("script");
    const address = source.dataset.src;
    if (address) {
      script.addEventListener("load", () => setTimeout(() => done(Boolean(plotly())), 0));
      script.addEventListener("error", () => done(false));
      if (location.protocol !== "file:") {
        // Browsers check a file's hash only where they can ask who may read it, which a folder cannot answer.
        script.crossOrigin = "anonymous";
        script.integrity = source.dataset.integrity || "";
      }
      script.src = address;
      document.head.append(script);
      return;
    }
    script.textContent = source.textContent;
    document.head.append(script);
    source.remove();
    setTimeout(() => done(Boolean(plotly())), 0); // lets a key or a click in before the first chart is drawn
  });
  return plotlyLoading;
}

/**
 * Say in a chart's place why it is not drawn.
 * @param {HTMLElement} area
 */
function undrawn(area) {
  const words = document.createElement("p");
  const file = byId("plotly-source")?.dataset.src || "plotly.js";
  words.className = "empty";
  words.textContent = say(
    "This chart is not drawn: {file} is missing beside the report. The sentence above and the tables say the same.",
    { file },
  );
  area.replaceChildren(words);
  area.style.minHeight = "0";
  area.dataset.missing = "yes";
}

/**
 * Return the height of a chart's legend: it lies under its chart, which keeps its height.
 * @param {HTMLElement} area
 */
function legendRoom(area) {
  const legend = area.querySelector(".legend");
  return legend instanceof SVGGraphicsElement ? Math.ceil(legend.getBBox().height) + 6 : 0;
}

/**
 * Go where a mark of a chart leads: to an anchor, to a frame, or to a range of time. Long tables draw the row when it is
 * gone to.
 * @param {ChartClick} event
 */
function followMark(event) {
  if (justDragged) return;
  const point = event.points[0];
  const given = String(point && [point.customdata].flat()[0]);
  const span = given.startsWith("t=") ? rangeIn(given.slice(2)) : null;
  if (span) {
    chooseRange(span[0], span[1]);
    return;
  }
  const frame = /^[0-9]+/.exec(given);
  const anchor = frame ? `frame-${frame[0]}` : given;
  if (/^[a-z]+-[0-9]+$/.test(anchor)) go(anchor);
}

/**
 * Break a text for hovering into lines that fit a small screen; it is escaped, so an entity stays in one piece.
 * @param {string} text
 */
function hoverLines(text) {
  const lines = [""];
  let used = 0;
  for (const [sign] of text.matchAll(/&#?\w+;|./gsu)) {
    if (used >= HOVER_LINE || (sign === " " && used >= HOVER_LINE - 8)) {
      lines.push("");
      used = 0;
    }
    lines[lines.length - 1] += sign;
    used += 1;
  }
  return lines.join("<br>");
}

/**
 * Fit what a chart shows to a small screen: no words beside the marks, and short lines where hovering says them.
 * @param {Layout} trace
 */
function narrowTrace(trace) {
  if (trace.mode === "markers+text") trace.mode = "markers";
  for (const said of trace.customdata || []) {
    if (Array.isArray(said) && typeof said[1] === "string" && trace.type !== "heatmap") said[1] = hoverLines(said[1]);
  }
  if (trace.type === "heatmap" && trace.text) {
    trace.text = trace.text.map((/** @type {string[]} */ row) => row.map(hoverLines));
  }
}

/**
 * Paint a chart in the present theme and width.
 * @param {HTMLElement} area
 * @param {Spec} figure
 * @param {PlotlyApi} api
 */
async function paintChart(area, figure, api) {
  const { data: traces, layout } = themedFigure(figure, colour("--ink"));
  if (area.clientWidth < NARROW_CHART) {
    for (const trace of traces) narrowTrace(trace);
    layout.margin.r = 16;
  }
  layout.uirevision = "kept"; // what the reader has zoomed to stays
  const zoomed = zoomedTimeline(area);
  if (zoomed) layout.xaxis.range = zoomed;
  layout.hoverlabel = {
    bgcolor: colour("--surface"),
    bordercolor: colour("--muted"),
    font: { color: colour("--ink") },
  };
  layout.modebar = { bgcolor: "transparent", color: colour("--muted"), activecolor: colour("--ink") };
  const {
    height,
    margin: { b: below },
  } = layout;
  /** @param {number} room */
  const make = (room) => {
    layout.height = height + room;
    layout.margin.b = below + room;
    return api.react(area, traces, layout, chartConfig(area));
  };
  await make(layout.showlegend ? Number(area.dataset.legend) || 0 : 0);
  const room = legendRoom(area);
  if (room && String(room) !== area.dataset.legend) {
    area.dataset.legend = String(room);
    await make(room);
  }
}

/** @param {HTMLElement} area */
async function drawChart(area) {
  const data = byId(area.dataset.figure || "");
  if (!data) return;
  const api = (await loadPlotly()) && plotly();
  if (!api) {
    undrawn(area);
    return;
  }
  /** @type {Spec} */
  const figure = JSON.parse(data.textContent || "");
  for (const wait of all(".plot-wait", area)) wait.remove();
  const entry = { area, paint: () => paintChart(area, figure, api), width: 0, stale: false };
  drawnCharts.push(entry);
  await entry.paint();
  entry.width = area.clientWidth;
  // Who cannot see the chart has its sentence and its table; a heap of numbers without their places helps nobody.
  for (const picture of all("svg.main-svg", area)) picture.setAttribute("aria-hidden", "true");
  const plot = /** @type {Plot} */ (area);
  plot.on("plotly_click", followMark);
  if (area.dataset.brush !== undefined) brushOn(plot, figure);
  area.dataset.drawn = "yes";
}

/** @param {HTMLElement} area */
const chartFolded = (area) => Boolean(area.closest("details:not([open])"));

function repaint() {
  for (const entry of drawnCharts) {
    entry.stale = chartFolded(entry.area); // drawn anew when somebody looks
    if (!entry.stale) entry.paint();
  }
}

document.addEventListener(
  "toggle",
  (event) => {
    const fold = event.target;
    if (!(fold instanceof HTMLDetailsElement) || !fold.open) return;
    for (const entry of drawnCharts) {
      const changed = entry.stale || entry.width !== entry.area.clientWidth;
      if (changed && fold.contains(entry.area) && !chartFolded(entry.area)) {
        entry.stale = false;
        entry.width = entry.area.clientWidth;
        entry.paint();
      }
    }
  },
  true, // the event does not bubble
);

/** @type {HTMLElement[]} Charts that have come near, waiting for their turn. */
const chartQueue = [];

let lastScroll = -SCROLL_PAUSE;
window.addEventListener(
  "scroll",
  () => {
    lastScroll = performance.now();
  },
  { passive: true },
);

/** Draw one chart after the other, each in an idle moment of its own, so that a key is never kept waiting for all. */
function drawNextChart() {
  const area = chartQueue[0];
  if (!area) return;
  const rest = lastScroll + SCROLL_PAUSE - performance.now();
  if (rest > 0 && !plotly()) {
    setTimeout(drawNextChart, rest);
    return;
  }
  const act = () =>
    drawChart(area).finally(() => {
      chartQueue.shift();
      drawNextChart();
    });
  if ("requestIdleCallback" in window) requestIdleCallback(act, { timeout: CHART_PATIENCE });
  else setTimeout(act, 0);
}

const chartAreas = /** @type {HTMLElement[]} */ (all(".plot-area"));
for (const area of chartAreas) area.style.minHeight = `${Number(area.dataset.height) || 200}px`;
const chartsNear = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting || !(entry.target instanceof HTMLElement)) continue;
      chartsNear.unobserve(entry.target);
      chartQueue.push(entry.target);
      // After the next paint: reading comes first, drawing later.
      if (chartQueue.length === 1) requestAnimationFrame(() => setTimeout(drawNextChart, 0));
    }
  },
  { rootMargin: "400px" },
);
for (const area of chartAreas) chartsNear.observe(area);
