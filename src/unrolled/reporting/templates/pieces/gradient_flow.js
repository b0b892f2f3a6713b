// The gradient by lag: which cells, untrained or trained, and whether with what theory expects.
pieces.gradient_flow = (root, data) => {
  const order = Object.keys(data.cells);
  const hue = name => [hues.blue, hues.vermilion, hues.green, hues.orange, hues.purple, hues.sky, hues.text][order.indexOf(name) % 7];
  const dash = name => DASHES[Math.floor(order.indexOf(name) / 7) % DASHES.length];
  const chosen = {set: "initial", theory: false, cells: new Set(data.shown)};
  const least = -60; // powers of ten, beyond which nothing is drawn

  const sets = radios({en: "Networks", zh: "网络"}, [{value: "initial", label: {en: "as initialised", zh: "初始化时"}},
    {value: "trained", label: {en: `trained (${data.task})`, zh: `训练之后（${data.task}）`}}], "initial",
      set => { chosen.set = set; update(); });
  const theory = make("label", {class: "chip"}, make("input",
    {type: "checkbox", onchange: event => { chosen.theory = event.target.checked; update(); }}),
    {en: "with theory (dotted)", zh: "加上理论值（点线）"});
  sets.append(theory);
  const inputs = new Map(order.map(name => [name, make("input", {type: "checkbox", name, onchange: event => {
    chosen.cells[event.target.checked ? "add" : "delete"](name);
    update();
  }})]));
  const button = (label, cells) => make("button", {type: "button", onclick: () => { chosen.cells = new Set(cells()); update(); }}, label);
  const chips = make("fieldset", {class: "controls"}, make("legend", {}, {en: "Cells", zh: "单元"}),
    ...order.map(name => make("label", {class: "chip"}, inputs.get(name), swatch(hue(name), dash(name)), data.cells[name])),
    button({en: "all", zh: "全选"}, () => order), button({en: "none", zh: "清空"}, () => []),
      button({en: "as at first", zh: "恢复默认"}, () => data.shown));
  const box = make("div"), said = live();
  root.append(sets, chips, box, said);

  const shown = () => order.filter(name => chosen.cells.has(name) && data.sets[chosen.set][name]);

  function draw(width) {
    const lines = shown().map(name => [name, data.sets[chosen.set][name]]);
    const lags = Math.max(1, ...Object.values(data.sets[chosen.set]).map(line => line.median.length - 1));
    const lowest = Math.max(least, Math.min(-2, ...lines.flatMap(([, line]) => line.median)));
    const picture = chart(width, 360, {en: `Gradient by lag of ${lines.length} cells, logarithmic axis`,
      zh: `${lines.length} 种单元的梯度随间隔的变化，对数坐标`},
      {low: 0, high: lags, label: {en: "lag (steps back)", zh: "间隔（往回的步数）"}},
      {low: lowest * 1.04, high: Math.max(0.5, ...lines.flatMap(([, line]) => line.median)) + 0.2, log: true,
        label: {en: "gradient norm, lag 0 = 1", zh: "梯度范数（间隔 0 处为 1）"}});
    picture.line([[0, 0], [lags, 0]], {stroke: hues.grey, "stroke-width": 1});
    const points = values => values.map((value, lag) => [lag, value]);
    for (const [name, line] of lines) picture.band(points(line.low), points(line.high), hue(name));
    for (const [name, line] of lines) {
      picture.line(points(line.median), {stroke: hue(name), "stroke-dasharray": dash(name), "data-line": name});
      if (chosen.theory && line.expected > 0) {
        const from = line.median[line.first], slope = Math.log10(line.expected), last = line.median.length - 1;
        picture.line([[line.first, from], [last, from + slope * (last - line.first)]],
          {stroke: hue(name), "stroke-dasharray": "1 5", "stroke-width": 3, "stroke-linecap": "round", "data-theory": name});
      }
    }
    return picture.root;
  }

  function tell() {
    const columns = [{en: "cell", zh: "单元"}, {en: "factor per step (median)", zh: "每步因子（中位数）"}, {en: "theory", zh: "理论值"}, {en: "seeds", zh: "种子数"}];
    const rows = shown().map(name => {
      const line = data.sets[chosen.set][name];
      return [keyed(hue(name), dash(name), data.cells[name]), line.factor.toFixed(3),
        line.expected === null ? "–" : line.expected.toFixed(3), String(line.seeds)];
    });
    said.replaceChildren(rows.length ? table({en: "Factors per step", zh: "每步因子"}, columns, rows)
      : make("p", {}, {en: "No cell is chosen.", zh: "没有选中任何单元。"}));
  }

  document.addEventListener("languagechange", tell);
  const again = drawn(box, draw);
  function update() {
    for (const [name, input] of inputs) {
      input.checked = chosen.cells.has(name);
      input.disabled = !data.sets[chosen.set][name];
      input.parentElement.style.opacity = input.disabled ? 0.45 : "";
    }
    tell();
    again();
  }
  update();
};
