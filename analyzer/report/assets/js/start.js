// Where we are, printing.
const links = new Map(all(".sections a").map((link) => [link.hash.slice(1), link]));
const here = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) {
        link.classList.remove("here");
        link.removeAttribute("aria-current");
      }
      const link = links.get(entry.target.id);
      if (link) {
        link.classList.add("here");
        link.setAttribute("aria-current", "true");
      }
    }
  },
  { rootMargin: "-25% 0px -70% 0px" },
);
for (const section of sections) here.observe(section);
window.addEventListener("beforeprint", () => {
  for (const visit of all(".visit").slice(0, 5)) visit.open = true;
});

follow();
