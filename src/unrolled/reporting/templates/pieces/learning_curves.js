// Learning curves: which task, which networks, and a logarithmic or a linear axis.
pieces.learning_curves = (root, data) => {
  const paint = {plain: hues.vermilion, matched: hues.orange, relu: hues.purple, lstm: hues.blue, gru: hues.green};
  const dashes = {plain: "", matched: DASHES[1], relu: DASHES[2], lstm: "", gru: DASHES[1]};
  const chosen = {task: data.first, log: true, hidden: new Set()};

  const select = make("select", {onchange: () => { chosen.task = Number(select.value); update(); }});
  const name = () => select.replaceChildren(...data.tasks
    .map((task, index) => make("option", {value: index, ...(index === chosen.task ? {selected: ""} : {})}, words(task))));
  document.addEventListener("languagechange", name); // an option holds one text
  name();
  const axis = radios({en: "Axis", zh: "坐标轴"}, [{value: true, label: {en: "logarithmic", zh: "对数"}},
    {value: false, label: {en: "linear", zh: "线性"}}],
    true, log => { chosen.log = log; update(); });
  const chips = make("fieldset", {class: "controls"}), box = make("div"), said = live();
  root.append(make("label", {class: "controls"}, {en: "Task", zh: "任务"}, select), axis, chips, box, said);

  const curves = () => Object.entries(data.tasks[chosen.task].curves).filter(([network]) => !chosen.hidden.has(network));

  function choose() {
    const present = Object.keys(data.tasks[chosen.task].curves);
    chips.replaceChildren(make("legend", {}, {en: "Networks", zh: "网络"}), ...present.map(network => make("label", {class: "chip"},
      make("input", {type: "checkbox", name: network, ...(chosen.hidden.has(network) ? {} : {checked: ""}), onchange: event => {
        chosen.hidden[event.target.checked ? "delete" : "add"](network);
        tell();
        again();
      }}), swatch(paint[network], dashes[network]), data.networks[network])));
  }

  function draw(width) {
    const task = data.tasks[chosen.task], scale = value => (chosen.log ? Math.log10(value) : value);
    const medians = curves().flatMap(([, curve]) => curve.median).filter(value => value !== null && value > 0);
    const last = Math.max(1, ...Object.values(task.curves).flatMap(curve => [...curve.steps, ...curve.diverged.map(end => end.step)]));
    const [low, high] = medians.length ? [Math.min(...medians), Math.max(...medians)] : [0.1, 1];
    const picture = chart(width, 360, {en: `Learning curves: ${task.en}`, zh: `学习曲线：${task.zh}`},
      {low: 0, high: last, label: {en: "updates", zh: "更新次数"}},
      {low: chosen.log ? Math.log10(low / 1.5) : 0, high: chosen.log ? Math.log10(high * 1.5) : high * 1.08, log: chosen.log,
        label: {en: "training loss", zh: "训练损失"}});
    const known = (curve, values) => curve.steps.map((step, index) => [step, values[index]])
      .filter(([, value]) => value !== null && value > 0).map(([step, value]) => [step, scale(value)]);
    for (const [network, curve] of curves()) picture.band(known(curve, curve.low), known(curve, curve.high), paint[network]);
    for (const [network, curve] of curves()) picture.line(known(curve, curve.median),
      {stroke: paint[network], "stroke-dasharray": dashes[network], "data-line": network});
    curves().forEach(([network, curve], row) => curve.diverged.forEach(end => {
      const x = picture.x(end.step), y = 34 + 14 * row; // at the upper edge: what diverged has left the picture there
      picture.root.append(svg("path", {d: `M${x - 5},${y - 5}l10,10m0,-10l-10,10`, stroke: paint[network], "stroke-width": 3,
        "data-diverged": network},
        svg("title", {}, words({en: `seed ${end.seed} diverged at update ${end.step}`, zh: `种子 ${end.seed} 在第 ${end.step} 次更新时发散`}))));
    }));
    return picture.root;
  }

  function tell() {
    const columns = [{en: "network", zh: "网络"}, {en: "rate", zh: "学习率"}, {en: "last loss", zh: "最终损失"}, {en: "stopped early", zh: "提前停止"},
      {en: "diverged", zh: "发散"}];
    said.replaceChildren(table({en: "How training ended", zh: "训练结果"}, columns, curves().map(([network, curve]) => {
      const end = curve.median.filter(value => value !== null).at(-1);
      return [keyed(paint[network], dashes[network], data.networks[network]), String(curve.rate),
        end === undefined ? "–" : String(Number(end.toPrecision(3))), `${curve.stopped}/${curve.seeds}`,
          `${curve.diverged.length}/${curve.seeds}`];
    })));
  }

  document.addEventListener("languagechange", tell);
  const again = drawn(box, draw);
  function update() {
    choose();
    tell();
    again();
  }
  update();
};
