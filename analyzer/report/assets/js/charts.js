// Charts.
const INK = "#1b1f24"; // stands for the theme's text colour in every figure
const drawn = [];
const config = {
  displaylogo: false,
  responsive: true,
  plotlyServerURL: "",
  showSendToCloud: false,
  modeBarButtonsToRemove: ["sendChartToCloud", "sendDataToCloud", "lasso2d", "select2d", "autoScale2d"],
};
const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
function themed(value, ink) {
  if (Array.isArray(value)) return value.map((item) => themed(item, ink));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, ink)]));
  }
  return value === INK ? ink : value;
}
function loadPlotly() {
  if (!window.Plotly) {
    const source = byId("plotly-source");
    if (!source) return false;
    const script = document.createElement("script");
    script.textContent = source.textContent;
    document.head.append(script);
    source.remove();
  }
  return Boolean(window.Plotly);
}
function legendRoom(area) {
  // a legend lies under its chart, which keeps its height: the words get theirs on top
  const legend = area.querySelector(".legend");
  return legend ? Math.ceil(legend.getBBox().height) + 6 : 0;
}
function draw(area) {
  const data = byId(area.dataset.figure);
  if (!data || !loadPlotly()) return;
  const figure = JSON.parse(data.textContent);
  for (const wait of all(".plot-wait", area)) wait.remove();
  const paint = async () => {
    const { data: traces, layout } = themed(figure, colour("--ink"));
    if (area.clientWidth < 600) {
      // no room for words beside the marks; hovering says them
      for (const trace of traces) if (trace.mode === "markers+text") trace.mode = "markers";
      layout.margin.r = 16;
    }
    layout.hoverlabel = {
      bgcolor: colour("--surface"),
      bordercolor: colour("--muted"),
      font: { color: colour("--ink") },
    };
    const {
      height,
      margin: { b: below },
    } = layout;
    const make = (room) => {
      layout.height = height + room;
      layout.margin.b = below + room;
      return window.Plotly.react(area, traces, layout, config);
    };
    await make(layout.showlegend ? Number(area.dataset.legend) || 0 : 0);
    const room = legendRoom(area);
    if (room && String(room) !== area.dataset.legend) {
      area.dataset.legend = room;
      await make(room);
    }
  };
  const entry = { area, paint, width: 0, stale: false };
  paint().then(() => {
    entry.width = area.clientWidth;
    for (const svg of all(".main-svg", area)) svg.setAttribute("aria-hidden", "true"); // the caption and the table say it
    area.dataset.drawn = "yes";
    area.on("plotly_click", (event) => {
      const point = event.points[0];
      const given = String(point && [point.customdata].flat()[0]); // an anchor, or a frame of the ladder above
      const frame = /^[0-9]+/.exec(given);
      const anchor = frame ? `frame-${frame[0]}` : given;
      if (/^[a-z]+-[0-9]+$/.test(anchor) && byId(anchor)) go(anchor);
    });
  });
  drawn.push(entry);
}
const folded = (area) => Boolean(area.closest("details:not([open])"));
function repaint() {
  for (const entry of drawn) {
    entry.stale = folded(entry.area); // drawn anew when somebody looks
    if (!entry.stale) entry.paint();
  }
}
document.addEventListener(
  "toggle",
  (event) => {
    if (!event.target.open) return;
    for (const entry of drawn) {
      if (
        event.target.contains(entry.area) &&
        !folded(entry.area) &&
        (entry.stale || entry.width !== entry.area.clientWidth)
      ) {
        entry.stale = false;
        entry.width = entry.area.clientWidth;
        entry.paint();
      }
    }
  },
  true,
); // the event does not bubble
const areas = all(".plot-area");
for (const area of areas) area.style.minHeight = `${Number(area.dataset.height) || 200}px`;
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        near.unobserve(entry.target);
        // After the next paint: reading comes first, drawing later.
        requestAnimationFrame(() => setTimeout(() => draw(entry.target), 0));
      }
    }
  },
  { rootMargin: "400px" },
);
for (const area of areas) near.observe(area);
