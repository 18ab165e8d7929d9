// What happens last: the section in sight is marked in the header, paper gets what is folded, the address is followed.

const linkOf = new Map(sectionLinks.map((link) => [link.hash.slice(1), link]));
const sectionWatch = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of sectionLinks) {
        link.classList.toggle("here", link === linkOf.get(entry.target.id));
        if (link === linkOf.get(entry.target.id)) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }
  },
  { rootMargin: "-25% 0px -70% 0px" },
);
for (const section of sections) sectionWatch.observe(section);

/** @type {HTMLDetailsElement[]} Folds that are open only because the page is being printed. */
let unfolded = [];
window.addEventListener("beforeprint", () => {
  const kept = all(".visit:not(.off-paper)").filter((fold) => fold instanceof HTMLDetailsElement);
  unfolded = kept.filter((fold) => !fold.open);
  for (const fold of unfolded) fold.open = true;
});
window.addEventListener("afterprint", () => {
  for (const fold of unfolded) fold.open = false;
  unfolded = [];
});

follow();
window.addEventListener("load", () => {
  // The browser has followed the address in its own way, and taken the focus from what it does not think can have it.
  const target = byId(location.hash.slice(1));
  if (target && document.activeElement === document.body) focusOn(target);
});
