// What all pieces share. A piece is a function of its kind's name: pieces.kind = (root, data) => { ... }, where root is an empty
// element, and data what the analysis computed. It is called when root first comes near the window.
const pieces = {};
const player = new Audio();

function play(address) {
  player.src = address;
  player.play().catch(() => {});
}

// Make an element: make("button", {type: "button", onclick: f}, "text", another element). A text may be {en, zh}.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flatMap(child => (child && child.en !== undefined ? both(child.en, child.zh) : [child])));
  return element;
}

// Return a text in both languages, of which the page shows one.
function both(en, zh) {
  return [["en", en], ["zh", zh]].map(([lang, text]) => {
    const part = document.createElement("span");
    part.lang = lang;
    part.textContent = text;
    return part;
  });
}

function dataOf(element) {
  return JSON.parse(document.getElementById(`${element.id}-data`).textContent);
}

function whenNear(selector, show) {
  const observer = new IntersectionObserver(entries => {
    for (const entry of entries.filter(found => found.isIntersecting)) {
      observer.unobserve(entry.target);
      show(entry.target);
    }
  }, {rootMargin: "300px"});
  document.querySelectorAll(selector).forEach(part => observer.observe(part));
}

document.addEventListener("DOMContentLoaded", () => {
  whenNear(".piece [data-kind]", root => pieces[root.dataset.kind](root, dataOf(root)));
});
