// The two switches, and what paper needs.
showLanguage(root.dataset.language);

// Switch the language and keep the place: whatever stood first in the window stands there after.
document.getElementById("language").addEventListener("click", () => {
  const anchor = [...document.querySelectorAll("h1, h2, h3, h4, dt, tr, figure, li")].find(
    part => part.checkVisibility() && part.getBoundingClientRect().bottom > 60 && part.getBoundingClientRect().height > 0);
  const before = anchor.getBoundingClientRect().top;
  const keep = () => window.scrollBy(0, anchor.getBoundingClientRect().top - before);
  const language = root.dataset.language === "en" ? "zh" : "en";
  remembered.set("language", language);
  showLanguage(language);
  keep();
  requestAnimationFrame(keep);
});

document.getElementById("theme").addEventListener("click", () => {
  const theme = root.dataset.theme === "dark" ? "light" : "dark";
  remembered.set("theme", theme);
  showTheme(theme);
});

const folded = new Set();
addEventListener("beforeprint", () => {
  document.querySelectorAll("details:not([open])").forEach(part => { folded.add(part); part.open = true; });
  showTheme("light");
});
addEventListener("afterprint", () => {
  folded.forEach(part => { part.open = false; });
  folded.clear();
  showTheme();
});
