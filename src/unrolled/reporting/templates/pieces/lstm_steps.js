// The lecture's LSTM cell, one input at a time, as a drawing whose gates open and close, and as a table of its numbers.
pieces.lstm_steps = (root, data) => {
  const names = {
    input: {en: "input gate", zh: "输入门"}, forget: {en: "forget gate", zh: "遗忘门"},
    output: {en: "output gate", zh: "输出门"}, candidate: {en: "candidate", zh: "候选值"},
  };
  const paint = {input: hues.blue, forget: hues.green, output: hues.vermilion, candidate: hues.text};
  const written = rounded => String(Number(rounded)).replace("-", "−");
  // A gate that is all but shut passes little, not nothing: 0.0000454 of 3.
  const number = value => written(Math.abs(value) > 1e-6 && Math.abs(value) < 0.001 ? value.toPrecision(3) : value.toFixed(5));
  const brief = value => written(value.toFixed(2));
  const isOpen = gate => gate > 0.5;
  let place = 0;

  // How a sum comes about: "100 × 1 − 10".
  function worked(part, inputs) {
    const terms = data.weights[part].map((weight, index) => [weight, inputs[index]]).filter(([weight]) => weight !== 0)
      .map(([weight, value]) => (weight === 1 ? number(value) : `${weight} × ${value < 0 ? `(${number(value)})` : value}`));
    const bias = data.biases[part];
    if (bias) terms.push(`${bias < 0 ? "−" : "+"} ${Math.abs(bias)}`);
    return terms.join(" ");
  }

  const timeline = make("div", {style: "display: grid; gap: .3rem; max-width: 30rem; "
    + `grid-template-columns: repeat(${data.steps.length}, minmax(0, 1fr))`});
  const stops = data.steps.map((step, index) => make("button",
    {type: "button", onclick: () => choose(index), style: "padding: .2rem; line-height: 1.35"},
    `${index + 1}`, make("br"), make("span", {style: "font-size: .8rem"}, step.inputs.map(value => number(value)).join(", "))));
  const before = make("button", {type: "button", onclick: () => choose(place - 1)}, {en: "← previous", zh: "← 上一步"});
  const after = make("button", {type: "button", onclick: () => choose(place + 1)}, {en: "next →", zh: "下一步 →"});
  timeline.append(...stops);
  const box = make("div", {style: "flex: 1 1 19rem; max-width: 27rem; min-width: 0"});
  const said = live();
  said.style.cssText += "flex: 1 1 19rem; min-width: 0";
  const whole = make("div", {role: "group", tabindex: 0, "aria-label": "LSTM", onkeydown: event => {
    const moves = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1};
    if (!moves[event.key]) return;
    event.preventDefault();
    choose(place + moves[event.key]);
  }}, make("div", {class: "controls"}, before, after, {en: "step and its input (x1, x2, x3):", zh: "步骤及输入 (x1, x2, x3)："}), timeline,
  make("div", {style: "display: flex; flex-wrap: wrap; gap: 0 1.5rem; align-items: center"}, box, said));
  root.append(whole);

  function sums(step) {
    const rows = data.parts.map((part, index) => {
      const opening = step.gates[index];
      return [make("span", {style: `border-left: 4px solid ${paint[part]}; padding-left: .4rem; display: inline-block`}, names[part]),
        `${worked(index, step.inputs)} = ${number(step.sums[index])}`,
        part === "candidate" ? "–" : make("span", {}, `${number(opening)} `,
          isOpen(opening) ? {en: "open", zh: "开"} : {en: "shut", zh: "关"})];
    });
    return table({en: "Sums and gates", zh: "加权和及各门"}, ["", {en: "sum", zh: "加权和"}, {en: "sigmoid", zh: "sigmoid 值"}], rows);
  }

  function told(step) {
    const [i, f, o] = step.gates.map(opening => number(opening));
    return numbers([
      [{en: "written", zh: "写入"}, `${i} × ${number(step.sums[3])} = ${number(step.written)}`],
      [{en: "kept", zh: "保留"}, `${f} × ${number(step.before)} = ${number(step.kept)}`],
      [{en: "memory", zh: "记忆"}, `${number(step.kept)} + ${number(step.written)} = ${number(step.memory)}`],
      [{en: "output (read)", zh: "输出（读出）"}, `${o} × ${number(step.memory)} = ${number(step.output)}`],
    ]);
  }

  // A gate: a ring on a line, with a bar along the line where it is open, across it where it is shut.
  function gate(part, x, y, along, opening, label) {
    const open = isOpen(opening), turned = (along === "up") === open ? 90 : 0;
    return svg("g", {"data-gate": part, "data-open": open},
      svg("circle", {cx: x, cy: y, r: 17, fill: "var(--page, #fff)", stroke: paint[part], "stroke-width": 3}),
      svg("line", {x1: x - 12, x2: x + 12, y1: y, y2: y, stroke: paint[part], "stroke-width": 5, "stroke-linecap": "round",
        transform: `rotate(${turned} ${x} ${y})`}),
      text(label.x, label.y, words(names[part]), {"text-anchor": label.anchor, "font-weight": 600}),
      text(label.x, label.y + 17, `σ = ${brief(opening)}`, {"text-anchor": label.anchor}));
  }

  function text(x, y, content, attributes = {}) {
    return svg("text", {x, y, "text-anchor": "middle", ...attributes}, content);
  }

  function line(points, passes, arrow = true) {
    return svg("polyline", {points, fill: "none", stroke: passes ? hues.text : "var(--grey, #8a8a8a)", "stroke-width": passes ? 3 : 1.5,
      "stroke-dasharray": passes ? "" : "4 4", ...(arrow ? {"marker-end": `url(#lstm-arrow-${passes ? "on" : "off"})`} : {})});
  }

  function draw() {
    const step = data.steps[place], [i, f, o] = step.gates, at = 150;
    const picture = svg("svg", {class: "drawing", viewBox: "0 0 340 420", role: "img", "aria-label": words({
      en: `Step ${place + 1}: memory ${brief(step.memory)}, output ${brief(step.output)}`,
      zh: `第 ${place + 1} 步：记忆 ${brief(step.memory)}，输出 ${brief(step.output)}`})});
    const heads = [["on", hues.text], ["off", "var(--grey, #8a8a8a)"]].map(([name, fill]) => svg("marker", {
      id: `lstm-arrow-${name}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 12, markerHeight: 12, markerUnits: "userSpaceOnUse",
      orient: "auto"}, svg("path", {d: "M0 0 L8 4 L0 8 Z", fill})));
    picture.append(svg("defs", {}, ...heads),
      line(`${at},378 ${at},335`, true), line(`${at},300 ${at},256`, isOpen(i)), // candidate through the input gate into the sum
      line(`${at},224 ${at},198`, true), line(`${at},150 ${at},101`, true), line(`${at},66 ${at},36`, isOpen(o)), // memory, then out
      line(`${at + 45},174 270,174 270,189`, true), line(`270,224 270,240 ${at + 18},240`, isOpen(f)), // the memory's way back
      text(at, 396, `x1 = ${brief(step.inputs[0])}`, {"font-weight": 600}),
      text(at, 414, words({en: `step ${place + 1} of ${data.steps.length}`, zh: `第 ${place + 1} 步，共 ${data.steps.length} 步`})),
      svg("circle", {cx: at, cy: 240, r: 15, fill: "var(--page, #fff)", stroke: hues.text, "stroke-width": 2}),
        text(at, 246, "+", {style: "font-size: 18px"}),
      text(at - 10, 284, `${brief(step.written)}`, {"text-anchor": "end"}), text(224, 258, `${brief(step.kept)}`),
      svg("rect", {x: at - 45, y: 151, width: 90, height: 46, rx: 8, fill: "var(--soft, #f1f1ec)", stroke: hues.text, "stroke-width": 2}),
      text(at, 168, words({en: "memory", zh: "记忆"})),
        text(at, 189, brief(step.memory), {style: "font-size: 18px; font-weight: 700", "data-shown": "memory"}),
      text(at, 24, `${words({en: "output", zh: "输出"})} ${brief(step.output)}`,
        {style: "font-size: 16px; font-weight: 700", "data-shown": "output"}),
      gate("input", at, 318, "up", i, {x: at - 28, y: 315, anchor: "end"}),
        gate("output", at, 84, "up", o, {x: at - 28, y: 81, anchor: "end"}),
      gate("forget", 270, 206, "up", f, {x: 250, y: 132, anchor: "start"}));
    return picture;
  }

  const again = drawn(box, draw);
  function choose(chosen) {
    place = Math.min(data.steps.length - 1, Math.max(0, chosen));
    const step = data.steps[place];
    stops.forEach((stop, index) => {
      stop.setAttribute("aria-current", index === place ? "step" : "false");
      stop.style.borderColor = index === place ? "var(--text, #1b1b1b)" : "";
      stop.style.fontWeight = index === place ? "700" : "";
    });
    const hadFocus = [before, after].find(button => button === document.activeElement);
    before.disabled = place === 0;
    after.disabled = place === data.steps.length - 1;
    if (hadFocus && document.activeElement !== hadFocus) whole.focus(); // a button that has come to an end loses it
    said.replaceChildren(sums(step), told(step));
    again();
  }
  document.addEventListener("languagechange", () => choose(place));
  choose(0);
};
