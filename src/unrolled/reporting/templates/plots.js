// Return a specification with each of its texts, given as {en, zh}, in the language of now.
function inLanguage(part) {
  if (Array.isArray(part)) return part.map(inLanguage);
  if (part === null || typeof part !== "object") return part;
  if (part.en !== undefined) return words(part);
  return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, inLanguage(inner)]));
}

// Pictures to be turned: plotly draws each when it first comes near the window; a point that names a sound plays it.
document.addEventListener("DOMContentLoaded", () => whenNear(".plot", element => {
  if (!window.Plotly) return;
  const plot = dataOf(element);
  if (element.clientWidth < 500) { // two scenes side by side on a telephone: from farther away they are whole
    for (const {camera: {eye}} of Object.keys(plot.layout).filter(name => name.startsWith("scene")).map(name => plot.layout[name])) {
      for (const axis of Object.keys(eye)) eye[axis] *= 2;
    }
  }
  const draw = () => Plotly.react(element, inLanguage(plot.data), {...inLanguage(plot.layout), uirevision: "kept"},
    {responsive: true, displaylogo: false});
  draw();
  document.addEventListener("languagechange", draw);
  element.on("plotly_click", event => event.points.slice(0, 1).forEach(point => {
    if (String(point.customdata).endsWith(".wav")) play(String(point.customdata));
  }));
}));
