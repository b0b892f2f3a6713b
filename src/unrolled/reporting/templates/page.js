// The two switches, and what paper needs.
showLanguage(root.dataset.language);

// Return the first thing in the window that is there in both languages.
function placeOfReader() {
  for (let height = 70; height < innerHeight; height += 15) {
    const hit = document.elementFromPoint(innerWidth * 0.6, height);
    const common = hit && (hit.closest("main [lang]") || {parentElement: hit}).parentElement;
    const found = common && common.closest("main :is(h1, h2, h3, h4, p, dt, dd, tr, li, figure, details)");
    if (found) return found;
  }
  return document.querySelector("h1");
}

// Switch the language and keep the place: what stood first in the window stands there after.
document.getElementById("language").addEventListener("click", () => {
  const anchor = placeOfReader();
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

// On a telephone figures keep their size and are moved sideways, with the keys too.
const narrow = matchMedia("(max-width: 40rem)");
function makeMovable() {
  for (const box of document.querySelectorAll(".wide")) {
    if (narrow.matches) Object.assign(box, {tabIndex: 0, role: "region"});
    else ["tabindex", "role"].forEach(name => box.removeAttribute(name));
  }
}
narrow.addEventListener("change", makeMovable);
makeMovable();

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
