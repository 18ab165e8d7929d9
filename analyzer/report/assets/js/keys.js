// Keys.
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
  "/": () => {
    box.focus();
    box.select();
  },
  j: () => step(1),
  k: () => step(-1),
  f: copyRowFilter,
  t: toggleTheme,
  "?": () => help.showModal(),
  Escape: () => {
    if (box.value || range) {
      box.value = "";
      setRange(null);
    }
  },
  Enter: () => {
    const row = document.activeElement;
    const link = row && row.matches("tr, article") && row.querySelector("a[href^='#']");
    if (link) link.click();
    else return false;
    return true;
  },
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const typing = event.target instanceof Element && event.target.matches("input, textarea, select");
  if (typing) {
    if (event.key === "Escape") {
      KEYS.Escape();
      box.blur();
    }
    return;
  }
  const number = /^[1-8]$/.test(event.key) ? Number(event.key) : 0;
  if (number && sections[number - 1]) {
    go(sections[number - 1].id);
    event.preventDefault();
    return;
  }
  if (Object.hasOwn(KEYS, event.key) && KEYS[event.key]() !== false) event.preventDefault();
});
