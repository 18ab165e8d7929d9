() => {
  // Facts about the layout of an open report, gathered in the page: what is cut, what overlaps, what sticks out.
  // Text counts with its glyphs' own boxes, clipped by the boxes around it that hide or scroll what is beyond them.
  const words = (node) => `${node.textContent.trim().slice(0, 40)} <${path(node.parentElement)}>`;
  const path = (node) => {
    const section = node.closest("section[id], header, dialog");
    const name = node.getAttribute("class");
    return `${section ? section.id || section.tagName.toLowerCase() : ""} ${node.tagName.toLowerCase()}${name ? `.${name.replaceAll(" ", ".")}` : ""}`;
  };
  const HIDDEN = "script, style, title, dialog, .hidden, .skip, .js-plotly-plot, defs, option, output";
  const clips = new Map(); // element → the box that what is inside can be seen in
  const clipOf = (node) => {
    if (!node || node === document.body || node === document.documentElement) return [-1e6, -1e6, 1e6, 1e6];
    if (clips.has(node)) return clips.get(node);
    let clip = clipOf(node.parentElement);
    const style = getComputedStyle(node);
    if (style.overflowX !== "visible" || style.overflowY !== "visible") {
      const box = node.getBoundingClientRect();
      clip = [
        Math.max(clip[0], box.left),
        Math.max(clip[1], box.top),
        Math.min(clip[2], box.right),
        Math.min(clip[3], box.bottom),
      ];
    }
    clips.set(node, clip);
    return clip;
  };
  const layers = new Map(); // element → what lifts it above the page: the header, a menu; it may cover what is below
  const layerOf = (node) => {
    if (!node || node === document.body) return null;
    if (!layers.has(node)) {
      layers.set(node, getComputedStyle(node).zIndex === "auto" ? layerOf(node.parentElement) : node);
    }
    return layers.get(node);
  };
  const out = { cut: [], outside: [], overlap: [], empty: [] };
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const holder = text.parentElement;
    if (!text.textContent.trim() || holder.closest(HIDDEN) || !holder.checkVisibility({ visibilityProperty: true }))
      continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const clip = clipOf(holder);
    for (const glyphs of range.getClientRects()) {
      const box = {
        left: Math.max(glyphs.left, clip[0]),
        top: Math.max(glyphs.top, clip[1]),
        right: Math.min(glyphs.right, clip[2]),
        bottom: Math.min(glyphs.bottom, clip[3]),
        text,
        layer: layerOf(holder),
      };
      if (box.right - box.left < 1 || box.bottom - box.top < 1) continue;
      if (box.right > innerWidth + 1 || box.left < -1) out.outside.push(words(text));
      boxes.push(box);
    }
  }
  for (const node of document.querySelectorAll("body *")) {
    if (node.matches("[data-grid] > .scroll")) continue; // only until somebody comes near and the grid takes its place
    if (node.closest(HIDDEN) || !(node instanceof HTMLElement) || node.scrollWidth <= node.clientWidth + 1) continue;
    const style = getComputedStyle(node);
    if (!["hidden", "clip"].includes(style.overflowX) || !node.clientWidth || !node.checkVisibility()) continue;
    const whole = node.closest("[title]")?.title ?? "";
    const told = style.textOverflow === "ellipsis" && whole.includes(node.textContent.trim().replace(/\s+/g, " "));
    if (!told) out.cut.push(`${node.textContent.trim().slice(0, 40)} <${path(node)}>`);
  }
  boxes.sort((a, b) => a.top - b.top);
  let open = [];
  for (const box of boxes) {
    open = open.filter((other) => other.bottom > box.top);
    for (const other of open) {
      const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
      const high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
      // lines of small print may touch by the height that their font keeps above its letters
      if (wide > 2 && high > 4 && box.text !== other.text && box.layer === other.layer) {
        out.overlap.push(`${words(other.text)} / ${words(box.text)} by ${Math.round(wide)}×${Math.round(high)}`);
      }
    }
    open.push(box);
  }
  for (const section of document.querySelectorAll("main > section")) {
    const said = section.innerText.replace(section.querySelector("h2")?.innerText ?? "", "").trim();
    if (said.length < 20 || section.getBoundingClientRect().height < 60) out.empty.push(section.id);
  }
  return Object.fromEntries(Object.entries(out).map(([name, list]) => [name, [...new Set(list)].slice(0, 12)]));
};
