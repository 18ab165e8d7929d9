// What all parts of the report's script share. The parts are joined into one function in the order of SCRIPTS in
// render.py, so they see each other's names. Captured text is only ever read and written through textContent and
// attributes; nothing is built from markup.

const root = document.documentElement;
root.classList.add("scripted");

/**
 * Return an element of the page by its id, if there is one.
 * @param {string} id
 */
const byId = (id) => document.getElementById(id);

/**
 * Return an element that every report has, by its id and its kind.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function the(id, kind) {
  const found = byId(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * Make an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} text
 */
function newElement(tag, attributes, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text) node.textContent = text;
  return node;
}

/**
 * Return the elements that a selector finds, as an array.
 * @param {string} selector
 * @param {ParentNode} from
 */
const all = (selector, from = document) =>
  Array.from(/** @type {NodeListOf<HTMLElement>} */ (from.querySelectorAll(selector)));

/**
 * Return the element nearest to an event's target, going outwards, that a selector finds.
 * @param {Event} event
 * @param {string} selector
 */
const around = (event, selector) =>
  event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest(selector)) : null;

const wordsElement = byId("words");
/** @type {Record<string, string>} English text → text in the page's language; empty for an English page. */
const wordsOfPage = wordsElement ? JSON.parse(wordsElement.textContent || "{}") : {};

/**
 * Say something in the page's language. The text must be a literal: render.py collects it for the catalogue.
 * @param {string} text in English, with the names of arguments in braces
 * @param {Record<string, unknown>} args
 */
function say(text, args = {}) {
  const known = Object.hasOwn(wordsOfPage, text) ? wordsOfPage[text] : text;
  return known.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(args, name) ? String(args[name]) : whole));
}
