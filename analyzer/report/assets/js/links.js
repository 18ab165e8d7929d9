// Links inside the page.
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
  const hash = location.hash.slice(1);
  if (/^[qt]=/.test(hash)) {
    // #q=status:5xx&t=1.203-1.870: a filter, a range of seconds, or both
    const parts = new URLSearchParams(hash.replaceAll("+", "%2B"));
    const span = /^(-?[0-9.]+)-(-?[0-9.]+)$/.exec(parts.get("t") || "");
    box.value = parts.get("q") || "";
    setRange(span ? [Number(span[1]), Number(span[2])] : null);
    return;
  }
  const target = hash && byId(hash);
  if (!target) {
    gridReveal(hash);
    return;
  }
  reveal(target);
  const covered = document.querySelector(".top").offsetHeight + 8; // by what stays at the top
  root.style.scrollPaddingTop = `${covered}px`;
  const high = target.getBoundingClientRect().height > innerHeight - covered;
  target.scrollIntoView({ block: high || target.matches("section") ? "start" : "center" });
  const focus = target.matches("details") ? target.querySelector("summary") : target;
  if (focus && focus.tabIndex >= -1) focus.focus({ preventScroll: true });
}
window.addEventListener("hashchange", follow);
