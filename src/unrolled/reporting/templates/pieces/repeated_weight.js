// A slider for w: output w^n, its gradient, and the largest stable learning rate, all on one logarithmic axis.
pieces.repeated_weight = (root, data) => {
  const exponent = superscript(data.repeats);
  const less = superscript(data.repeats - 1);
  const lines = [
    {name: "output_log10", hue: hues.blue, label: {en: `output w${exponent}`, zh: `输出 w${exponent}`}},
    {name: "gradient_log10", hue: hues.vermilion, label: {en: `gradient ${data.repeats} w${less}`, zh: `梯度 ${data.repeats} w${less}`}},
    {name: "rate_log10", hue: hues.green, label: {en: "largest stable learning rate", zh: "最大稳定学习率"}},
  ];
  const isNear = weight => weight >= data.near[0] && weight <= data.near[1];
  let place = data.weight.indexOf(data.named[0]);

  const box = make("div"), said = live();
  const slider = make("input", {type: "range", min: 0, max: data.weight.length - 1, step: 1, value: place,
    "aria-label": "w", oninput: () => choose(Number(slider.value))});
  const shown = make("output", {style: "min-width: 6.5rem; font-weight: 600; font-variant-numeric: tabular-nums"});
  const jumps = data.named.map(weight => make("button", {type: "button", onclick: () => choose(data.weight.indexOf(weight))},
    `w = ${weight}`));
  root.append(make("div", {class: "controls"}, {en: "The lecture's weights:", zh: "课上的取值："}, ...jumps),
    make("div", {class: "controls"}, slider, shown), said, box);

  function value(line) {
    const log10 = data[line.name][place];
    if (log10 !== null) return fromLog(log10);
    return data.weight[place] === 1 ? {en: "any: the slope is 0 here", zh: "任意：此处斜率为 0"}
      : {en: "not computed this far from 1", zh: "离 1 太远，未计算"};
  }

  function draw(width) {
    const near = isNear(data.weight[place]);
    const inside = data.weight.map((weight, index) => index).filter(index => !near || isNear(data.weight[index]));
    const drawnLines = near ? lines : lines.slice(0, 2); // seen from afar the rate has a few points only
    const values = drawnLines.flatMap(line => inside.map(index => data[line.name][index])).filter(found => found !== null);
    const room = (Math.max(...values) - Math.min(...values)) * 0.04;
    const weights = inside.map(index => data.weight[index]);
    const picture = chart(width, 330, {en: `w = ${data.weight[place]}: output, gradient and stable learning rate against w`,
      zh: `w = ${data.weight[place]}：输出、梯度与稳定学习率随 w 的变化`},
      {low: weights[0], high: weights.at(-1), label: {en: "weight w", zh: "权重 w"}},
      {low: Math.min(...values) - room, high: Math.max(...values) + room, log: true, label: {en: "size, powers of ten", zh: "大小（10 的幂）"}});
    picture.line([[data.weight[place], -1e4], [data.weight[place], 1e4]],
      {stroke: hues.text, "stroke-width": 1, "stroke-dasharray": "3 3"});
    for (const line of drawnLines) {
      const known = inside.filter(index => data[line.name][index] !== null);
      for (const part of [known.filter(index => data.weight[index] <= 1), known.filter(index => data.weight[index] >= 1)]) {
        picture.line(part.map(index => [data.weight[index], data[line.name][index]]), 
          {stroke: line.hue, "data-line": line.name,
            ...(near || line !== lines[0] ? {} : {"stroke-width": 6, opacity: 0.6})}); // from afar it lies beneath the gradient
      }
      const log10 = data[line.name][place];
      if (log10 !== null) picture.dot(data.weight[place], log10, {fill: line.hue, stroke: "var(--page, #fff)", "data-marker": line.name});
    }
    return picture.root;
  }

  const again = drawn(box, draw);
  function choose(chosen) {
    place = chosen;
    slider.value = place;
    shown.textContent = `w = ${data.weight[place]}`;
    slider.setAttribute("aria-valuetext", `w = ${data.weight[place]}`);
    said.replaceChildren(numbers(lines.map(line => [keyed(line.hue, "", line.label), value(line)])));
    again();
  }
  choose(place);
};
