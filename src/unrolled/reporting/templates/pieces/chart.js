// Line charts in SVG, drawn by hand so that they follow the page's colours, width and language, and the controls beside them.
const hues = {
  blue: "var(--blue, #0072B2)", vermilion: "var(--vermilion, #D55E00)", green: "var(--green, #009E73)", orange: "var(--orange, #E69F00)",
  purple: "var(--purple, #CC79A7)", sky: "var(--sky, #56B4E9)", grey: "var(--grey, #767676)", text: "var(--text, #1b1b1b)",
};
const DASHES = ["", "7 3", "2 3"]; // more lines than hues: the same hue again, dashed

document.head.append(make("style", {}, `
.piece svg.drawing { display: block; width: 100%; height: auto; max-height: none; padding: 0; border-radius: 0; background: none;
  overflow: visible; }
.piece svg.drawing text { fill: var(--text, #1b1b1b); font-size: 13px; }
/* What plotly draws in three dimensions lies under its SVG. */
figure .js-plotly-plot svg { max-height: none; padding: 0; border-radius: 0; background: none !important; }
figure .js-plotly-plot .main-svg { width: 100%; height: 100%; }
.piece button { float: none; }
.piece .controls { display: flex; flex-wrap: wrap; gap: .4rem .5rem; align-items: center; margin: .5rem 0; padding: 0; border: 0;
  min-width: 0; }
.piece .controls legend { float: left; padding: 0; margin-right: .2rem; }
.piece .controls input[type="range"] { flex: 1 1 12rem; min-width: 8rem; accent-color: var(--link, #0060a0); }
.piece .controls select { font: inherit; max-width: 100%; color: inherit; background: var(--soft, #f1f1ec);
  border: 1px solid var(--line, #d5d5d0); border-radius: .4rem; padding: .3rem .5rem; }
.piece .chip { display: inline-flex; gap: .4rem; align-items: center; min-height: 2rem; padding: .1rem .7rem;
  border: 1px solid var(--line, #d5d5d0); border-radius: 1rem; cursor: pointer; font-size: .9rem; }
.piece .chip input { margin: 0; accent-color: var(--link, #0060a0); }
.piece .chip:has(:checked) { background: var(--soft, #f1f1ec); border-color: var(--text, #1b1b1b); }
.piece .chip:focus-within { outline: 2px solid var(--link, #0060a0); outline-offset: 2px; }
.piece .numbers { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem 1rem; margin: .5rem 0;
  font-variant-numeric: tabular-nums; }
.piece .numbers dt { font-weight: normal; opacity: 1; } .piece .numbers dd { margin: 0; font-weight: 600; overflow-wrap: break-word; }
@media (max-width: 40rem) { .piece .numbers { grid-template-columns: repeat(2, minmax(0, 1fr)); font-size: .92rem; } }
.piece .said { margin: .4rem 0; }
.piece .wide { overflow-x: auto; }
.piece table.worked { font-size: .9rem; border-collapse: collapse; }
.piece table.worked :is(th, td) { padding: .15rem .4rem; text-align: left; }
@media (max-width: 40rem) { .piece table.worked { font-size: .8rem; } .piece table.worked :is(th, td) { padding: .15rem .25rem; } }`));

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Return the text of {en, zh} in the language of now; what is no pair stays.
function words(text) {
  return text && text.en !== undefined ? text[document.documentElement.dataset.language === "zh" ? "zh" : "en"] : text;
}

// Keep a drawing up to date: draw(width) is to return an SVG, and is called now, when the box's width or the language changes,
// and whenever the function returned is called.
function drawn(box, draw) {
  let width = 0;
  const again = () => box.replaceChildren(draw(Math.max(280, width || box.clientWidth)));
  document.addEventListener("languagechange", again);
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now && now !== width) { width = now; again(); }
  }).observe(box);
  return again;
}

function superscript(number) {
  return [...String(number)].map(digit => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])).join("");
}

// Return a number, given as its logarithm to base 10, with three digits: 0.044, 999, 2.08 × 10⁴, 1.00 × 10⁻¹⁹⁹⁸.
function fromLog(log10) {
  if (log10 > -3.0001 && log10 < 4) return String(Number((10 ** log10).toPrecision(3)));
  let exponent = Math.floor(log10), digits = (10 ** (log10 - exponent)).toFixed(2);
  if (digits === "10.00") [exponent, digits] = [exponent + 1, "1.00"];
  return `${digits} × 10${superscript(exponent)}`;
}

// Return round values between two ends, at most `most` of them; whole ones where the axis counts powers of ten.
function ticks(low, high, most, whole) {
  const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map(times => times * size).find(found => found >= rough * 0.999);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place++) {
    found.push(Number((place * step).toPrecision(10)));
  }
  return found;
}

// Return where an axis has its lines: at 1, 2 and 5 of every power of ten on a logarithmic axis that spans few of them.
function levelsOf(axis, most) {
  if (!axis.log || axis.high - axis.low > 2.2) return ticks(axis.low, axis.high, most, axis.log);
  const powers = Array.from({length: 5}, (_, index) => Math.floor(axis.low) + index);
  return powers.flatMap(power => [1, 2, 5].map(digit => power + Math.log10(digit)))
    .filter(level => level >= axis.low && level <= axis.high);
}

function nameOf(axis, level) {
  if (!axis.log) return level.toLocaleString("en-US", {useGrouping: false, maximumFractionDigits: 4});
  return axis.high - axis.low > 2.2 ? `10${superscript(level)}` : String(Number((10 ** level).toPrecision(1)));
}

// Return a line's stroke and name, kept together.
function keyed(colour, dash, label) {
  return make("span", {style: "display: inline-flex; gap: .4rem; align-items: center"}, swatch(colour, dash), make("span", {}, label));
}

// Begin a chart. An axis is {low, high, label, log}: where log is true, low, high and all values are logarithms to base 10.
// Returns the SVG, where a value lies (x, y), and line(points, attributes), band(points) and mark(...) to draw with.
function chart(width, height, title, across, up) {
  const levels = levelsOf(up, 6);
  const box = {left: 14 + 7.5 * Math.max(...levels.map(value => nameOf(up, value).length)), right: 16, top: 26, bottom: 42};
  const x = value => box.left + (value - across.low) / (across.high - across.low) * (width - box.left - box.right);
  const y = value => height - box.bottom - (value - up.low) / (up.high - up.low) * (height - box.top - box.bottom);
  const root = svg("svg", {class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words(title)});
  const clip = `clip-${chart.count = (chart.count || 0) + 1}`;
  root.append(svg("clipPath", {id: clip}, svg("rect",
    {x: box.left, y: box.top - 6, width: width - box.left - box.right, height: height - box.top - box.bottom + 12})));
  for (const value of levelsOf(across, Math.max(2, Math.floor(width / 80)))) {
    root.append(svg("line", {x1: x(value), x2: x(value), y1: box.top, y2: height - box.bottom, stroke: "var(--line, #d5d5d0)"}),
      svg("text", {x: x(value), y: height - box.bottom + 17, "text-anchor": "middle"}, nameOf(across, value)));
  }
  for (const value of levels) {
    root.append(svg("line", {x1: box.left, x2: width - box.right, y1: y(value), y2: y(value), stroke: "var(--line, #d5d5d0)"}),
      svg("text", {x: box.left - 6, y: y(value) + 4, "text-anchor": "end"}, nameOf(up, value)));
  }
  root.append(svg("text", {x: (box.left + width - box.right) / 2, y: height - 5, "text-anchor": "middle"}, words(across.label)),
    svg("text", {x: 0, y: 13}, words(up.label)));
  const inside = svg("g", {"clip-path": `url(#${clip})`});
  root.append(inside);
  const path = points => points.map(([a, b], place) => `${place ? "L" : "M"}${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("");
  return {
    root, x, y, inside,
    line: (points, attributes) => inside.append(svg("path", {d: path(points), fill: "none", "stroke-width": 2, ...attributes})),
    band: (low, high, colour) => inside.append(svg("path",
      {d: `${path([...low, ...high.slice().reverse()])}Z`, fill: colour, opacity: 0.18})),
    dot: (a, b, attributes) => inside.append(svg("circle", {cx: x(a), cy: y(b), r: 5, ...attributes})),
  };
}

// Return a short stroke of a line's colour, for legends.
function swatch(colour, dash = "") {
  return svg("svg", {width: 24, height: 10, "aria-hidden": "true", style: "background:none;padding:0;width:24px;flex:none;border-radius:0"},
    svg("line", {x1: 0, x2: 24, y1: 5, y2: 5, stroke: colour, "stroke-width": 3, "stroke-dasharray": dash}));
}

// Return a set of radio buttons. options: [{value, label}]; changed(value) is called when another is chosen.
function radios(legend, options, chosen, changed) {
  const name = `radios-${radios.count = (radios.count || 0) + 1}`;
  const chips = options.map(({value, label}) => {
    const input = make("input", {type: "radio", name, value, onchange: () => changed(value), ...(value === chosen ? {checked: ""} : {})});
    return make("label", {class: "chip"}, input, ...[label].flat());
  });
  return make("fieldset", {class: "controls"}, make("legend", {}, legend), ...chips);
}

// Return a place for what changes, which is read aloud when it does.
function live() {
  return make("div", {class: "said", "aria-live": "polite"});
}

// Return a table: names of columns, and rows of a header and cells. Where it is too wide for the window it can be moved sideways.
function table(title, columns, rows) {
  const head = make("tr", {}, ...columns.map(column => make("th", {scope: "col"}, column)));
  const body = rows.map(([name, ...cells]) => make("tr", {}, make("th", {scope: "row"}, name), ...cells.map(cell => make("td", {}, cell))));
  return make("div", {class: "wide", tabindex: 0, role: "region", "aria-label": words(title)},
    make("table", {class: "worked"}, make("thead", {}, head), make("tbody", {}, ...body)));
}

// Return lines of [label, value] as a list.
function numbers(lines) {
  const list = make("dl", {class: "numbers"});
  for (const [label, value] of lines) list.append(make("dt", {}, ...[label].flat()), make("dd", {}, value));
  return list;
}
