// The error surface in three dimensions, with a descent over it: clipping, learning rate and number of updates are chosen.
pieces.error_surface = (root, data) => {
  const names = Object.keys(data.paths);
  const paints = {none: ["--vermilion", "#D55E00"], norm_15: ["--orange", "#E69F00"], norm_5: ["--sky", "#56B4E9"], // as in the figures
    norm_1: ["--green", "#009E73"], other: ["--purple", "#CC79A7"]};
  const chosen = {name: names[0], rate: data.rates.indexOf(data.rate), updates: Infinity, close: false};
  const style = getComputedStyle(document.documentElement); // plotly knows no variables of CSS
  const real = ([name, otherwise]) => style.getPropertyValue(name).trim() || otherwise;
  const paint = name => real(paints[name] || paints.other);
  const number = value => (Math.abs(value) >= 0.001 || value === 0 ? String(Number(value.toPrecision(3))).replace("-", "−")
    : fromLog(Math.log10(value)));
  const path = name => data.paths[name][chosen.rate];
  const last = () => path(chosen.name).updates.at(-1);

  const thresholds = radios({en: "Clip the gradient at", zh: "把梯度裁剪到"}, names.map(name => ({value: name,
    label: [swatch(`var(${(paints[name] || paints.other).join(", ")})`),
      name === "none" ? {en: "not at all", zh: "不裁剪"} : String(data.thresholds[name])]})), chosen.name,
        name => { chosen.name = name; update(); });
  const rates = radios({en: "Learning rate", zh: "学习率"}, data.rates.map((rate, index) => ({value: index, label: String(rate)})),
    chosen.rate,
    index => { chosen.rate = index; update(); });
  const views = radios({en: "View", zh: "视野"}, [{value: false, label: {en: "whole", zh: "全景"}},
    {value: true, label: {en: "the cliff close by", zh: "悬崖近景"}}],
    false, close => { chosen.close = close; update(); });
  const slider = make("input", {type: "range", min: 0, max: last(), step: 1, value: last(),
    oninput: () => { chosen.updates = Number(slider.value); update(); }});
  const count = make("output", {style: "min-width: 2.5rem; font-variant-numeric: tabular-nums"});
  const box = make("div", {role: "img", style: "height: min(26rem, 100vw)"});
  const said = live();
  root.append(thresholds, rates, views, make("label", {class: "controls"}, {en: "updates", zh: "更新次数"}, slider, count), box, said);

  function place(found) {
    return `w = ${number(found.weights.at(-1))}, b = ${number(found.biases.at(-1))}`;
  }

  function tell() {
    const found = path(chosen.name), threshold = data.thresholds[chosen.name], rate = data.rates[chosen.rate],
      flies = found.longest > data.flown;
    const most = threshold === null ? {en: "no limit", zh: "没有上限"} : `${threshold} × ${rate} = ${number(threshold * rate)}`;
    said.replaceChildren(numbers([
      [{en: "steepest gradient on the way", zh: "途中最大的梯度范数"}, number(found.steepest)],
      [{en: "longest step allowed", zh: "允许的最长一步"}, most],
      [{en: "longest step taken", zh: "实际最长的一步"}, make("span", {}, `${number(found.longest)} `,
        flies ? {en: `(update ${found.longest_at}): flies off`, zh: `（第 ${found.longest_at} 次更新）：飞出`} : {en: "stays", zh: "没有飞出"})],
      [{en: `after ${found.updates.at(-1)} updates`, zh: `${found.updates.at(-1)} 次更新之后`},
        make("span", {}, `${place(found)}; `, {en: "error ", zh: "误差 "}, number(found.errors.at(-1)))],
      [{en: "starts near the cliff with a step that flies off", zh: "悬崖附近的起点中，有一步飞出的"}, `${found.flew}/${found.starts}`],
      [{en: "starts that leave the plane (what is judged)", zh: "走出判定范围的（判定所依据的）"}, `${found.left}/${found.starts}`],
    ]));
    box.setAttribute("aria-label", words({
      en: `Error surface with a path from w = ${data.start[0]}, b = ${data.start[1]}; longest step ${number(found.longest)}`,
      zh: `误差曲面与从 w = ${data.start[0]}，b = ${data.start[1]} 出发的路径；最长一步 ${number(found.longest)}`}));
  }

  // The path of one choice as far as the slider has come.
  function trace(name, width) {
    const found = path(name), upTo = found.updates.filter(update => update <= chosen.updates).length;
    const cut = values => values.slice(0, upTo);
    return {type: "scatter3d", mode: "lines+markers", name, x: cut(found.weights), y: cut(found.biases),
      z: cut(found.errors).map(error => error + 0.006),
      line: {color: paint(name), width}, marker: {color: paint(name), size: width / 2},
        hovertemplate: "w %{x}<br>b %{y}<br>%{z}<extra></extra>", showlegend: false};
  }

  function figure() {
    const [text, grid, light, dark] = [["--text", "#1b1b1b"], ["--line", "#d5d5d0"], ["--soft", "#f1f1ec"], ["--grey", "#767676"]]
      .map(real);
    const heights = {type: "surface", x: data.weights, y: data.biases, z: data.errors, showscale: false,
      colorscale: [[0, light], [1, dark]],
      hovertemplate: "w %{x}<br>b %{y}<br>%{z}<extra></extra>",
        contours: {z: {show: true, start: 0.05, end: 0.45, size: 0.05, color: grid}}};
    const start = {type: "scatter3d", mode: "markers", x: [data.start[0]], y: [data.start[1]], z: [path(chosen.name).errors[0] + 0.006],
      showlegend: false,
      marker: {color: text, size: 6, symbol: "diamond"}, hovertemplate: `${words({en: "start", zh: "起点"})}<extra></extra>`};
    const edge = {type: "scatter3d", mode: "lines", x: data.weights, y: data.weights.map(() => data.edge.bias),
      z: data.edge.errors.map(error => error + 0.006), line: {color: text, width: 4, dash: "dash"}, showlegend: false,
      hovertemplate: `b = ${data.edge.bias}<extra></extra>`}; // where what is judged ends
    const range = (values, at) => (chosen.close ? [data.start[at] - data.close, data.start[at] + data.close] : [values[0], values.at(-1)]);
    const far = box.clientWidth < 500 ? 2.1 : 1; // a narrow window sees less at once
    const axis = title => ({title: {text: title}, color: text, gridcolor: grid, zerolinecolor: grid, showspikes: false});
    return {data: [heights, trace(chosen.name, 7), start, edge], layout: {
      uirevision: "kept", margin: {l: 0, r: 0, t: 0, b: 0}, paper_bgcolor: "rgba(0,0,0,0)", font: {color: text, size: 12},
      scene: {aspectratio: {x: 1.2, y: 1.2, z: 0.7},
        camera: {eye: {x: -0.8 * far, y: 1.7 * far, z: 0.8 * far}, center: {x: 0, y: 0, z: -0.2}},
        xaxis: {...axis("w"), range: range(data.weights, 0)}, yaxis: {...axis("b"), range: range(data.biases, 1)},
        zaxis: {...axis(words({en: "error", zh: "误差"})), range: [0, 0.5]}}}};
  }

  function update() {
    slider.max = last();
    const shown = Math.min(chosen.updates, last());
    slider.value = shown;
    count.textContent = shown;
    tell();
    if (!window.Plotly) return;
    const {data: traces, layout} = figure();
    Plotly.react(box, traces, layout, {responsive: true, displaylogo: false, displayModeBar: false});
  }
  document.addEventListener("languagechange", update);
  document.addEventListener("themechange", update);
  update();
};
