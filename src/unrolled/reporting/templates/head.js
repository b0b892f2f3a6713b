// Before anything is painted: the theme and the language of this reader, remembered or as the browser asks.
const root = document.documentElement;
const remembered = {
  get(name) { try { return localStorage.getItem(`unrolled-${name}`); } catch (refused) { return null; } },
  set(name, value) { try { localStorage.setItem(`unrolled-${name}`, value); } catch (refused) { /* a page from a disk may have no store */ } },
};
const dark = matchMedia("(prefers-color-scheme: dark)");

function showTheme(theme = remembered.get("theme")) {
  root.dataset.theme = theme === "dark" || theme === "light" ? theme : dark.matches ? "dark" : "light";
  document.dispatchEvent(new Event("themechange"));
}

function showLanguage(language) {
  root.dataset.language = language;
  root.lang = language === "zh" ? "zh-CN" : "en";
  document.title = document.querySelector("title").dataset[language];
  for (const element of document.querySelectorAll("[data-en]:not(title)")) {
    if (element.tagName === "OPTION") element.textContent = element.dataset[language];
    else element.setAttribute("aria-label", element.dataset[language]);
  }
  document.dispatchEvent(new Event("languagechange"));
}

const spoken = remembered.get("language") || navigator.language || "en";
root.dataset.language = spoken.startsWith("zh") ? "zh" : "en";
showTheme();
dark.addEventListener("change", () => showTheme());
