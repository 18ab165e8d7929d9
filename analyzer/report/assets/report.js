// The report's behaviour: filter, keys, links, copy buttons, theme, and charts drawn when they come near.
// Captured text is only ever read and written through textContent and attributes; nothing is built from markup.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  /** @param {string} id */
  const byId = (id) => document.getElementById(id);
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));

  // ---------------------------------------------------------------- theme
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  function setTheme(name) {
    root.dataset.theme = name;
    try { localStorage.setItem("report-theme", name); } catch { /* storage may be closed to local files */ }
    repaint();
  }
  try {
    const kept = localStorage.getItem("report-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* as above */ }
  const toggleTheme = () => setTheme(isDark() ? "light" : "dark");
  byId("theme").addEventListener("click", toggleTheme);
  dark.addEventListener("change", () => repaint());

  // ---------------------------------------------------------------- charts
  const INK = "#1b1f24"; // stands for the theme's text colour in every figure
  const drawn = [];
  const config = {
    displaylogo: false, responsive: true, plotlyServerURL: "", showSendToCloud: false,
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
  function legendRoom(area) { // a legend lies under its chart, which keeps its height: the words get theirs on top
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
      if (area.clientWidth < 600) { // no room for words beside the marks; hovering says them
        for (const trace of traces) if (trace.mode === "markers+text") trace.mode = "markers";
        layout.margin.r = 16;
      }
      layout.hoverlabel = { bgcolor: colour("--surface"), bordercolor: colour("--muted"), font: { color: colour("--ink") } };
      const { height, margin: { b: below } } = layout;
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
  document.addEventListener("toggle", (event) => {
    if (!event.target.open) return;
    for (const entry of drawn) {
      if (event.target.contains(entry.area) && !folded(entry.area) && (entry.stale || entry.width !== entry.area.clientWidth)) {
        entry.stale = false;
        entry.width = entry.area.clientWidth;
        entry.paint();
      }
    }
  }, true); // the event does not bubble
  const areas = all(".plot-area");
  for (const area of areas) area.style.minHeight = `${Number(area.dataset.height) || 200}px`;
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        near.unobserve(entry.target);
        // After the next paint: reading comes first, drawing later.
        requestAnimationFrame(() => setTimeout(() => draw(entry.target), 0));
      }
    }
  }, { rootMargin: "400px" });
  for (const area of areas) near.observe(area);

  // ---------------------------------------------------------------- links inside the page
  function reveal(target) {
    for (let node = target; node; node = node.parentElement) {
      if (node instanceof HTMLDetailsElement) node.open = true;
      if (node.hidden) node.hidden = false;
    }
  }
  function go(anchor) {
    if (location.hash === `#${anchor}`) follow();
    else location.hash = anchor;
  }
  function follow() {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.startsWith("q=")) { box.value = hash.slice(2); apply(); return; }
    const target = hash && byId(hash);
    if (!target) return;
    reveal(target);
    const covered = document.querySelector(".top").offsetHeight + 8; // by what stays at the top
    root.style.scrollPaddingTop = `${covered}px`;
    const high = target.getBoundingClientRect().height > innerHeight - covered;
    target.scrollIntoView({ block: high || target.matches("section") ? "start" : "center" });
    const focus = target.matches("details") ? target.querySelector("summary") : target;
    if (focus && focus.tabIndex >= -1) focus.focus({ preventScroll: true });
  }
  window.addEventListener("hashchange", follow);

  // ---------------------------------------------------------------- filter
  const box = byId("search");
  const count = byId("search-count");
  const rows = all("[data-row]");
  const texts = new WeakMap();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const UNITS = { us: 0.001, "µs": 0.001, ms: 1, s: 1000, m: 60000 };
  function compare(text, wanted) {
    const parts = /^([<>]=?)?([0-9.]+)(us|µs|ms|s|m)?$/.exec(wanted);
    if (!parts || text === undefined) return false;
    const have = Number(text);
    const want = Number(parts[2]) * (UNITS[parts[3]] || 1);
    switch (parts[1]) {
      case "<": return have < want;
      case "<=": return have <= want;
      case ">=": return have >= want;
      default: return have > want;
    }
  }
  const has = (text, word) => text !== undefined && text.toLowerCase().includes(word);
  const FIELDS = {
    host: (row, word) => has(row.dataset.host, word),
    method: (row, word) => (row.dataset.method || "").toLowerCase() === word,
    status: (row, word) => /^[1-5]xx$/.test(word)
      ? (row.dataset.status || "")[0] === word[0] : row.dataset.status === word,
    stream: (row, word) => (row.dataset.stream || "").split(" ").includes(word),
    proto: (row, word) => has(row.dataset.proto, word),
    finding: (row, word) => row.dataset.severity === word,
    severity: (row, word) => row.dataset.severity === word,
    dur: (row, word) => compare(row.dataset.dur, word),
  };
  function parse(query) {
    const tests = [];
    for (const part of query.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"|(\S+))/gi)) {
      const field = part[2] && part[2].toLowerCase();
      const known = field && Object.hasOwn(FIELDS, field);
      const value = (part[3] ?? part[4]).toLowerCase();
      const word = known || !field ? value : `${field}:${value}`;
      const test = known ? (row) => FIELDS[field](row, word) : (row) => textOf(row).includes(word);
      tests.push(part[1] ? (row) => !test(row) : test);
    }
    return tests;
  }
  function apply() {
    const query = box.value.trim();
    const tests = parse(query);
    let shown = 0;
    const kept = new Set();
    for (const row of rows) {
      if (!tests.every((test) => test(row))) continue;
      shown += 1;
      for (let node = row; node; node = node.parentElement.closest("[data-row]")) kept.add(node);
    }
    for (const row of rows) row.hidden = query !== "" && !kept.has(row);
    count.textContent = query ? `${shown} of ${rows.length} rows` : "";
    const hash = query ? `#q=${encodeURIComponent(query)}` : location.hash.startsWith("#q=") ? "#" : null;
    if (hash !== null) { try { history.replaceState(null, "", hash); } catch { /* not allowed everywhere */ } }
  }
  let timer = 0;
  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 80); });
  byId("search-form").addEventListener("submit", (event) => { event.preventDefault(); apply(); });

  // ---------------------------------------------------------------- copying
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* older browsers: the way below */ }
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.className = "hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element && event.target.closest("button.copy");
    if (!button) return;
    event.preventDefault();
    const words = button.textContent;
    const shown = button.previousElementSibling; // the filter stands before its button, if it is shown at all
    const done = await copy(button.dataset.copy || (shown ? shown.textContent : ""));
    button.textContent = done ? "Copied" : "Select and copy by hand";
    button.classList.toggle("done", done);
    setTimeout(() => { button.textContent = words; button.classList.remove("done"); }, 1500);
  });

  // ---------------------------------------------------------------- keys
  const help = byId("help");
  byId("help-open").addEventListener("click", () => help.showModal());
  const seen = (row) => row.offsetParent !== null;
  const grip = (row) => (row.matches("details") ? row.querySelector("summary") : row);
  function step(by) {
    const list = rows.filter(seen).map(grip);
    if (!list.length) return;
    const current = document.activeElement && document.activeElement.closest("summary, [data-row]");
    let at = list.indexOf(current);
    if (at < 0) {
      const top = list.findIndex((item) => item.getBoundingClientRect().top > 110);
      at = by > 0 ? Math.max(top, 0) - 1 : Math.max(top, 1);
    }
    const next = list[Math.min(Math.max(at + by, 0), list.length - 1)];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    const header = document.querySelector(".top").getBoundingClientRect().bottom;
    const top = next.getBoundingClientRect().top;
    if (top < header) window.scrollBy({ top: top - header - 12, behavior: "instant" });
  }
  const sections = all("main > section");
  const KEYS = {
    "/": () => { box.focus(); box.select(); },
    j: () => step(1),
    k: () => step(-1),
    t: toggleTheme,
    "?": () => help.showModal(),
    Escape: () => { if (box.value) { box.value = ""; apply(); } },
    Enter: () => {
      const row = document.activeElement;
      const link = row && row.matches("tr, article") && row.querySelector("a[href^='#']");
      if (link) link.click(); else return false;
      return true;
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const typing = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (typing) {
      if (event.key === "Escape") { KEYS.Escape(); box.blur(); }
      return;
    }
    const number = /^[1-8]$/.test(event.key) ? Number(event.key) : 0;
    if (number && sections[number - 1]) { go(sections[number - 1].id); event.preventDefault(); return; }
    if (Object.hasOwn(KEYS, event.key) && KEYS[event.key]() !== false) event.preventDefault();
  });

  // ---------------------------------------------------------------- where we are, printing
  const links = new Map(all(".sections a").map((link) => [link.hash.slice(1), link]));
  const here = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) { link.classList.remove("here"); link.removeAttribute("aria-current"); }
      const link = links.get(entry.target.id);
      if (link) { link.classList.add("here"); link.setAttribute("aria-current", "true"); }
    }
  }, { rootMargin: "-25% 0px -70% 0px" });
  for (const section of sections) here.observe(section);
  window.addEventListener("beforeprint", () => {
    for (const visit of all(".visit").slice(0, 5)) visit.open = true;
  });

  follow();
})();
