// Copying.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    /* older browsers: the way below */
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("button.copy");
  if (!button) return;
  event.preventDefault();
  const words = button.textContent;
  const shown = button.previousElementSibling; // the filter stands before its button, if it is shown at all
  const done = await copy(button.dataset.copy || (shown ? shown.textContent : ""));
  button.textContent = done ? say("Copied") : say("Select and copy by hand");
  button.classList.toggle("done", done);
  setTimeout(() => {
    button.textContent = words;
    button.classList.remove("done");
  }, 1500);
});
