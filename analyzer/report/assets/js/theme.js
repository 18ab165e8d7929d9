// Light or dark: as the system has it, until somebody chooses; the choice is remembered where that is allowed.

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);

/** @param {"light" | "dark"} name */
function setTheme(name) {
  root.dataset.theme = name;
  try {
    localStorage.setItem("report-theme", name);
  } catch {
    /* storage may be closed to local files */
  }
  repaint();
}

const toggleTheme = () => setTheme(isDark() ? "light" : "dark");

try {
  const kept = localStorage.getItem("report-theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
} catch {
  /* as above */
}
the("theme", HTMLButtonElement).addEventListener("click", toggleTheme);
systemDark.addEventListener("change", () => repaint());
