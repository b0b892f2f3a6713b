// The filter of the verdict table: by verdict and by section of the lecture. It hides cards as it hides rows, says how many are left,
// and stands in the address (#/?verdict=...&section=...), so that it can be sent on.
const filter = {verdict: "", section: ""};

function applyFilter() {
  const fits = part => (!filter.verdict || part.dataset.verdict === filter.verdict) && (!filter.section || part.dataset.section === filter.section);
  document.querySelectorAll("[data-claim]").forEach(part => { part.hidden = !fits(part); });
  document.querySelectorAll("[data-group]").forEach(group => { group.hidden = !group.querySelector("[data-claim]:not([hidden])"); });
  document.querySelectorAll("#filter [data-verdict]").forEach(button =>
    button.setAttribute("aria-pressed", String(button.dataset.verdict === filter.verdict)));
  document.getElementById("section").value = filter.section;
  document.getElementById("reset").disabled = !filter.verdict && !filter.section;
  const shown = document.querySelectorAll("tr[data-claim]:not([hidden])").length;
  document.querySelectorAll("#count .shown").forEach(part => { part.textContent = shown; });
}

function setFilter(change) {
  Object.assign(filter, change);
  const chosen = new URLSearchParams(Object.entries(filter).filter(([, value]) => value)).toString();
  history.replaceState(null, "", chosen ? `#/?${chosen}` : "#verdicts");
  applyFilter();
}

// Follow the address: a filter is applied; a card that the filter hides is shown, since somebody asked for it.
function followAddress() {
  if (location.hash.startsWith("#/?")) {
    const asked = new URLSearchParams(location.hash.slice(3));
    const known = (name, selector) => document.querySelector(`${selector}[data-${name}="${CSS.escape(asked.get(name) || "")}"]`) ? asked.get(name) : "";
    Object.assign(filter, {verdict: known("verdict", "tr"), section: known("section", "tr")});
    applyFilter();
    return;
  }
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.closest("[hidden]")) {
    Object.assign(filter, {verdict: "", section: ""});
    applyFilter();
    target.scrollIntoView();
  }
}

document.getElementById("filter").hidden = false;
document.querySelectorAll("#filter [data-verdict]").forEach(button => button.addEventListener("click", () =>
  setFilter({verdict: filter.verdict === button.dataset.verdict ? "" : button.dataset.verdict})));
document.getElementById("section").addEventListener("change", event => setFilter({section: event.target.value}));
document.getElementById("reset").addEventListener("click", () => setFilter({verdict: "", section: ""}));
addEventListener("hashchange", followAddress);
applyFilter();
followAddress();
