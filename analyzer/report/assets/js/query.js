// The filter's language, by itself: from a text to terms, and whether a value fits a term. Nothing here knows the page.
//
//   query  = term { " " term }            all must hold
//   term   = [ "-" ] [ field ":" ] word   a minus turns it around
//   word   = '"' text '"' | text          in a field, commas separate words of which one must hold

/**
 * @typedef {{ not: boolean, field: string, words: string[] }} Term field is "" for free text; words are lower-case
 * @typedef {{ terms: Term[], unknown: string[], wrong: string[], bare: string[], least: string[] }} Query unknown
 *   fields, words no field understands, fields without a word, and durations that are read as "at least"
 */

/** @type {Record<string, string>} Field of the language → the fact of a row that it looks at. */
const FIELDS = {
  host: "host",
  status: "status",
  method: "method",
  stream: "stream",
  proto: "proto",
  finding: "severity",
  severity: "severity",
  dur: "dur",
  frame: "frames",
  time: "from",
};
/** @type {Record<string, number>} Unit of a duration → seconds. */
const QUERY_UNITS = { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, min: 60 };

const QUERY_NUMBER = "[0-9]+(?:\\.[0-9]+)?";
const QUERY_TIME = `(${QUERY_NUMBER})(us|µs|ms|s|min|m)?`;
/** @type {Record<string, RegExp>} What the words of a field look like. */
const QUERY_SHAPES = {
  status: /^(?:[1-5]xx|[<>]=?\d+|\d+(?:-\d+)?)$/,
  stream: /^(?:[<>]=?\d+|\d+(?:-\d+)?)$/,
  frame: /^(?:[<>]=?\d+|\d+(?:-\d+)?)$/,
  dur: new RegExp(`^(?:[<>]=?)?${QUERY_TIME}$|^${QUERY_TIME}-${QUERY_TIME}$`),
  time: new RegExp(`^(?:[<>]=?)?${QUERY_TIME}$|^${QUERY_TIME}-${QUERY_TIME}$`),
};

/** @type {Record<string, RegExp>} Fields that take some words only. */
const QUERY_WORDS = { finding: /^(?:any|error|warning|note|info)$/ };

/** A duration alone means "at least", since hardly anything takes exactly that long. @param {string} word */
const isLeast = (word) => /^[0-9][^-]*$/.test(word);

/**
 * Read a query. A field without a word, as while it is typed, keeps every row; a word with an unknown field is looked
 * for as text.
 * @param {string} text
 * @returns {Query}
 */
function parseQuery(text) {
  /** @type {Query} */
  const query = { terms: [], unknown: [], wrong: [], bare: [], least: [] };
  for (const part of text.matchAll(/(-?)(?:([a-z]+):(?!\/\/|:))?(?:"([^"]*)"?|([^\s"]\S*)|(?=\s|$))/gi)) {
    const [, minus, given, quoted, bare] = part;
    const field = (given || "").toLowerCase();
    const value = (quoted ?? bare ?? "").toLowerCase();
    const known = Object.hasOwn(FIELDS, field);
    if (field && !known) query.unknown.push(field);
    if (known && !value) query.bare.push(field);
    if (!value) continue;
    if (!known) {
      query.terms.push({ not: Boolean(minus), field: "", words: [field ? `${field}:${value}` : value] });
      continue;
    }
    const words = quoted === undefined ? value.split(",").filter(Boolean) : [value];
    const shape = QUERY_SHAPES[field] ?? QUERY_WORDS[field];
    const right = words.filter((word) => !shape || shape.test(word));
    query.wrong.push(...words.filter((word) => !right.includes(word)).map((word) => `${field}:${word}`));
    if (field === "dur") query.least.push(...right.filter(isLeast));
    if (right.length) query.terms.push({ not: Boolean(minus), field, words: right });
  }
  return query;
}

/**
 * Return a duration or instant in seconds.
 * @param {string} number
 * @param {string | undefined} unit
 * @param {string} usual what it is in without a unit
 */
const inSeconds = (number, unit, usual) => Number(number) * QUERY_UNITS[unit || usual];

/**
 * Return the span that a word stands for; its ends belong to it unless they are open.
 * @param {string} word "5", "3-9", ">200ms", "<=1s", "5xx"
 * @param {string} usual unit of a number without one: "s" for numbers that have no unit at all
 * @returns {{ low: number, high: number, open: boolean }}
 */
function spanOf(word, usual = "s") {
  if (/^[1-5]xx$/.test(word)) return { low: Number(word[0]) * 100, high: Number(word[0]) * 100 + 99, open: false };
  const found = new RegExp(`^([<>]=?)?${QUERY_TIME}(?:-${QUERY_TIME})?$`).exec(word);
  if (!found) return { low: NaN, high: NaN, open: false };
  const [, sign = "", number, unit, other, otherUnit] = found;
  // "100-200ms" means milliseconds at both ends
  const low = inSeconds(number, unit || (other ? otherUnit : undefined), usual);
  if (other) return { low, high: inSeconds(other, otherUnit, usual), open: false };
  if (sign[0] === ">") return { low, high: Infinity, open: sign === ">" };
  if (sign[0] === "<") return { low: -Infinity, high: low, open: sign === "<" };
  return { low, high: low, open: false };
}

/**
 * Say whether a span from one number to another meets one of others.
 * @param {number} from
 * @param {number} to
 * @param {{ low: number, high: number, open: boolean }[]} spans
 */
const meets = (from, to, spans) =>
  spans.some(({ low, high, open }) => (open ? to > low && from < high : to >= low && from <= high));

/** @param {string} text of frames or streams: "3 7-9", "15 → 17–19" @returns {[number, number][]} */
const spansIn = (text) =>
  Array.from(text.matchAll(/(\d+)(?:[-–](\d+))?/g), (found) => [Number(found[1]), Number(found[2] ?? found[1])]);

/**
 * Return what says whether a fact of a row fits a term. The term's minus is left to the caller. A fact that a row does
 * not have (empty text) fits nothing.
 * @param {Term} term
 * @returns {(value: string | number, until?: string | number) => boolean} value: what the term's field looks at or,
 *   without a field, all that the row shows, in lower case; until: for the field "time", when the row ended
 */
function fitter(term) {
  const { field, words } = term;
  if (!field) return (value) => String(value).includes(words[0]);
  if (field === "host" || field === "proto") {
    return (value) => words.some((word) => String(value).toLowerCase().includes(word));
  }
  if (!QUERY_SHAPES[field]) {
    const any = field !== "method" && words.includes("any");
    return (value) => {
      const given = String(value).toLowerCase(); // one, or several with spaces between
      return value !== "" && (any || words.includes(given) || given.split(" ").some((one) => words.includes(one)));
    };
  }
  const least = (/** @type {string} */ word) => (field === "dur" && isLeast(word) ? `>=${word}` : word);
  const spans = words.map((word) => spanOf(least(word), field === "dur" ? "ms" : "s"));
  if (field === "stream" || field === "frame") {
    return (value) =>
      typeof value === "number"
        ? meets(value, value, spans)
        : spansIn(value).some(([from, to]) => meets(from, to, spans));
  }
  const per = field === "dur" ? 1000 : 1;
  return (value, until = "") => {
    if (value === "") return false;
    const from = Number(value) / per;
    return meets(from, field === "time" && until !== "" ? Number(until) : from, spans);
  };
}
