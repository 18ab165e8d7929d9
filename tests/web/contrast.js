() => {
  // Text whose colour stands out too little from what is behind it (WCAG 2.2, 1.4.3: 4.5 to 1).
  const parse = (text) => {
    const n = text.match(/[\d.]+/g).map(Number);
    return n.length === 3 ? [...n, 1] : n;
  };
  const light = ([r, g, b]) => {
    const part = (c) => {
      c /= 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return [255, 255, 255, 1];
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    if (
      node.closest(".js-plotly-plot, defs, title, script, style, .hidden, .skip, dialog") ||
      !node.getClientRects().length
    )
      continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    const style = getComputedStyle(node);
    const front = light(parse(node instanceof SVGElement ? style.fill : style.color));
    const back = light(behind(node));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const words = node.textContent.slice(0, 30);
    if (ratio < 4.5) bad.push(`${node.tagName}.${node.getAttribute("class")} ${ratio.toFixed(2)} ${words}`);
  }
  return [...new Set(bad)].slice(0, 10);
};
