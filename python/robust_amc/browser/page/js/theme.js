/** Light or dark: as the system says, until the button is pressed. */

const KEY = "htrd-theme";
const root = document.documentElement;

/**
 * @param {HTMLButtonElement} button
 * @param {() => void} changed is called when the colors are others
 */
export function start(button, changed) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const saved = localStorage.getItem(KEY);
  if (saved) root.dataset.theme = saved;
  system.addEventListener("change", changed);
  button.addEventListener("click", () => {
    const isDark = (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
    root.dataset.theme = isDark ? "light" : "dark";
    localStorage.setItem(KEY, root.dataset.theme);
    changed();
  });
}
