// Theme.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
function setTheme(name) {
  root.dataset.theme = name;
  try {
    localStorage.setItem("report-theme", name);
  } catch {
    /* storage may be closed to local files */
  }
  repaint();
}
try {
  const kept = localStorage.getItem("report-theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
} catch {
  /* as above */
}
const toggleTheme = () => setTheme(isDark() ? "light" : "dark");
byId("theme").addEventListener("click", toggleTheme);
dark.addEventListener("change", () => repaint());
