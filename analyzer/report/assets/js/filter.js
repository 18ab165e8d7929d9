// Filter.
const box = byId("search");
const count = byId("search-count");
const rows = all("[data-row]");
const texts = new WeakMap();
const textOf = (row) => {
  if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
  return texts.get(row);
};
const UNITS = { us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60000 };
function compare(text, wanted) {
  const parts = /^([<>]=?)?([0-9.]+)(us|µs|ms|s|m)?$/.exec(wanted);
  if (!parts || text === undefined) return false;
  const have = Number(text);
  const want = Number(parts[2]) * (UNITS[parts[3]] || 1);
  switch (parts[1]) {
    case "<":
      return have < want;
    case "<=":
      return have <= want;
    case ">=":
      return have >= want;
    default:
      return have > want;
  }
}
const has = (text, word) => text !== undefined && text.toLowerCase().includes(word);
const FIELDS = {
  host: (row, word) => has(row.dataset.host, word),
  method: (row, word) => (row.dataset.method || "").toLowerCase() === word,
  status: (row, word) =>
    /^[1-5]xx$/.test(word) ? (row.dataset.status || "")[0] === word[0] : row.dataset.status === word,
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
/** @type {[number, number] | null} Seconds since the first packet between which a row must lie, at least in part. */
let range = null;
/** @param {[number, number] | null} span */
function setRange(span) {
  range = span;
  apply();
  showRange();
}
/** Rows that are at no time (kinds of status codes, sums) stay. @param {HTMLElement} row */
const inRange = (row) =>
  range === null ||
  row.dataset.from === undefined ||
  (Number(row.dataset.from) <= range[1] && Number(row.dataset.to ?? row.dataset.from) >= range[0]);

function apply() {
  const query = box.value.trim();
  const tests = parse(query);
  if (range) tests.push(inRange);
  const active = tests.length > 0;
  let shown = 0;
  const kept = new Set();
  for (const row of rows) {
    if (!tests.every((test) => test(row))) continue;
    shown += 1;
    for (let node = row; node; node = node.parentElement.closest("[data-row]")) kept.add(node);
  }
  for (const row of rows) row.hidden = active && !kept.has(row);
  count.textContent = active ? say("{shown} of {total} rows", { shown, total: rows.length }) : "";
  const parts = [query && `q=${encodeURIComponent(query)}`, range && `t=${range[0]}-${range[1]}`].filter(Boolean);
  const hash = parts.length ? `#${parts.join("&")}` : /^#[qt]=/.test(location.hash) ? "#" : null;
  if (hash !== null) {
    try {
      history.replaceState(null, "", hash);
    } catch {
      /* not allowed everywhere */
    }
  }
}
let timer = 0;
box.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(apply, 80);
});
byId("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  apply();
});
