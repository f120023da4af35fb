// @ts-check
/**
 * Sets the theme. The document runs this script before it is shown, because it would appear in the wrong
 * colours otherwise. Therefore this is a script and not a module.
 */

{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  const apply = () => {
    let theme = "system";
    try {
      theme = JSON.parse(localStorage.getItem("machat.settings") ?? "{}")?.theme;
    } catch {
      // no settings
    }
    const wanted = theme === "dark" || theme === "light" ? theme : null;
    root.dataset.theme = wanted ?? (dark.matches ? "dark" : "light");
  };

  dark.addEventListener("change", apply);
  addEventListener("storage", apply); // another tab has changed the settings
  addEventListener("machat-settings", apply);
  apply();
}
