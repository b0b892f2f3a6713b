// A sentence labelled word by word by a network of choice, with what the network remembers after each word as a strip of cells.
document.head.append(make("style", {}, `
.slot-words { list-style: none; margin: .6rem 0; padding: 0; display: grid; gap: .35rem; }
.slot-words:focus-visible { outline: 3px solid var(--link, #0060a0); outline-offset: 4px; }
.slot-words li { display: grid; grid-template-columns: 7rem 14rem minmax(0, 1fr); gap: 0 .7rem; align-items: center; }
.slot-words .word { font-weight: 600; overflow-wrap: anywhere; } .slot-words .unknown { border-bottom: 2px dotted var(--text, #1b1b1b); }
.slot-words .given { border-left: .35rem solid var(--kind); padding-left: .5rem; line-height: 1.3; font-size: .9rem; overflow-wrap: anywhere; }
.slot-words .given small { display: block; font-size: .82rem; }
.slot-words svg.strip { display: block; width: 100%; height: 1.9rem; padding: 0; border-radius: 0; background: var(--page, #fff); border: 1px solid var(--line, #d5d5d0); overflow: visible; touch-action: pan-y; }
.slot-key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .88rem; margin: .4rem 0; }
.slot-key span.kind { border-left: .35rem solid var(--kind); padding-left: .4rem; }
.slot-scale { display: inline-block; width: 7rem; height: .8rem; vertical-align: -1px; border: 1px solid var(--line, #d5d5d0);
  background: linear-gradient(90deg, var(--blue, #0072B2), var(--page, #fff), var(--orange, #E69F00)); }
.slot-scale.half { background: linear-gradient(90deg, var(--page, #fff), var(--orange, #E69F00)); }
@media (max-width: 44rem) { .slot-words li { grid-template-columns: 6rem minmax(0, 1fr); } .slot-words svg.strip { grid-column: 1 / -1; height: 1.5rem; margin: .2rem 0 .3rem; } }`));

pieces.slot_filling = (root, data) => {
  const kinds = [
    {is: /toloc/, colour: hues.blue, name: {en: "destination", zh: "目的地"}},
    {is: /fromloc/, colour: hues.vermilion, name: {en: "place of departure", zh: "出发地"}},
    {is: /date|time|day/, colour: hues.green, name: {en: "date or time", zh: "日期或时间"}},
    {is: /^[BI]-/, colour: hues.purple, name: {en: "another slot", zh: "其他槽位"}},
    {is: /^O$/, colour: "var(--line, #d5d5d0)", name: {en: "no slot", zh: "非槽位"}},
  ];
  const kindOf = label => kinds.find(kind => kind.is.test(label));
  let sentence = 0, network = Math.max(0, data.networks.findIndex(found => found.hidden_cities && !found.stores_answers && found.run.startsWith("elman")));
  let cursor = null; // [word, unit]

  const options = data.sentences.map((found, index) => {
    const option = make("option", {value: index});
    const name = () => { option.textContent = `${found.lecture ? words({en: "Lecture", zh: "课程"}) : "ATIS"}: ${found.words.join(" ")}`; };
    document.addEventListener("languagechange", name);
    name();
    return option;
  });
  const select = make("select", {onchange: event => { sentence = Number(event.target.value); show(); }}, ...options);
  const choice = make("label", {class: "controls"}, {en: "Sentence", zh: "句子"}, select);
  const nets = radios({en: "Network", zh: "网络"}, data.networks.map((found, index) => ({value: index, label: {en: found.name, zh: found.name_zh}})),
    network, chosen => { network = chosen; show(); });
  const list = make("ol", {class: "slot-words", tabindex: 0, onkeydown: press, onpointermove: event => point(event.target), onpointerdown: event => point(event.target)});
  const verdict = live(), value = live(), key = make("div", {class: "slot-key"});
  root.append(choice, nets, verdict, list, value, key);

  const answer = () => data.networks[network].answers[sentence];
  const isRight = (label, place) => { const truth = data.sentences[sentence].truth[place]; return truth === null ? null : truth === label; };

  function given(label, place) {
    const right = isRight(label, place), mark = right === null ? "" : right ? " ✓" : " ✗";
    const box = make("span", {class: "given", style: `--kind: ${kindOf(label).colour}`, "data-right": String(right)}, label, mark);
    if (right === false) box.append(make("small", {}, {en: `right: ${data.sentences[sentence].truth[place]}`, zh: `正确：${data.sentences[sentence].truth[place]}`}));
    return box;
  }

  function strip(values, place) {
    const cells = values.map((found, unit) => svg("rect", {x: unit, y: 0, width: 1.02, height: 1, fill: found < 0 ? hues.blue : hues.orange,
      "fill-opacity": Math.min(1, Math.abs(found)), "data-word": place, "data-unit": unit}));
    return svg("svg", {class: "strip", viewBox: `0 0 ${values.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true"}, ...cells,
      svg("rect", {class: "cursor", width: 1, height: 1, fill: "none", stroke: "var(--text, #1b1b1b)", "stroke-width": 2, "vector-effect": "non-scaling-stroke", "pointer-events": "none", visibility: "hidden"}));
  }

  function show() {
    const found = data.sentences[sentence];
    list.replaceChildren(...found.words.map((word, place) => make("li", {},
      make("span", {}, make("span", {class: found.unknown[place] ? "word unknown" : "word"}, word)), given(answer().labels[place], place), strip(answer().memory[place], place))));
    cursor = null;
    value.replaceChildren(make("span", {}, {en: "Point at a cell, or focus the words and use the arrow keys, to read its value.", zh: "把指针移到某格上，或用 Tab 选中词表后按方向键，即可读出该格的数值。"}));
    tell();
    legend();
  }

  function tell() {
    const chosen = data.networks[network], found = data.sentences[sentence], judged = found.truth.filter(truth => truth !== null).length;
    const right = answer().labels.filter((label, place) => isRight(label, place)).length;
    const of = found.lecture ? {en: right ? "Taipei is labelled right" : "Taipei is labelled wrong", zh: right ? "Taipei 标对了" : "Taipei 标错了"}
      : {en: `${right} of ${judged} words are labelled right`, zh: `${judged} 个词标对 ${right} 个`};
    verdict.replaceChildren(make("p", {class: "said"}, {
      en: `${chosen.name}: ${of.en} (first seed). ${answer().right_seeds} of ${chosen.seeds} seeds have ${found.lecture ? "Taipei" : "the whole sentence"} right.`,
      zh: `${chosen.name_zh}：${of.zh}（第一个种子）。${chosen.seeds} 个种子中有 ${answer().right_seeds} 个${found.lecture ? "标对了 Taipei" : "整句全对"}。`}));
    list.setAttribute("aria-label", words({en: `Words, labels and memory of: ${found.words.join(" ")}`, zh: `句子的词、标签与记忆：${found.words.join(" ")}`}));
  }

  function legend() {
    const chosen = data.networks[network];
    const scale = chosen.stores_answers ? ["0 ", make("i", {class: "slot-scale half"}), " 1"] : ["−1 ", make("i", {class: "slot-scale"}), " +1"];
    const what = chosen.stores_answers
      ? {en: `memory: the last answer, ${chosen.units.length} of ${chosen.of_units} labels`, zh: `记忆：上一步的答案，画出 ${chosen.of_units} 个标签中的 ${chosen.units.length} 个`}
      : {en: `memory: ${chosen.units.length} of ${chosen.of_units} hidden units`, zh: `记忆：${chosen.of_units} 个隐层单元中的 ${chosen.units.length} 个`};
    const taught = {en: `learned with ${Math.round(100 * chosen.hidden_cities)} % of the city names hidden`, zh: `训练时随机遮住 ${Math.round(100 * chosen.hidden_cities)} % 的城市名`};
    key.replaceChildren(...kinds.map(kind => make("span", {class: "kind", style: `--kind: ${kind.colour}`}, kind.name)),
      make("span", {}, make("span", {style: "border-bottom: 2px dotted"}, {en: "word", zh: "词"}), " ", {en: "never seen in training", zh: "训练中从未见过"}),
      make("span", {}, ...scale), make("span", {}, what), ...(chosen.hidden_cities ? [make("span", {}, taught)] : []));
  }

  function point(target) {
    if (target.dataset.unit !== undefined) move(Number(target.dataset.word), Number(target.dataset.unit));
  }

  function press(event) {
    const moves = {ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0]}[event.key];
    if (!moves) return;
    event.preventDefault();
    const [word, unit] = cursor ? [cursor[0] + moves[0], cursor[1] + moves[1]] : [0, 0];
    move(Math.max(0, Math.min(answer().memory.length - 1, word)), Math.max(0, Math.min(answer().memory[0].length - 1, unit)));
  }

  function move(word, unit) {
    if (cursor && cursor[0] === word && cursor[1] === unit) return;
    cursor = [word, unit];
    list.querySelectorAll(".cursor").forEach((mark, place) => {
      mark.setAttribute("x", unit);
      mark.setAttribute("visibility", place === word ? "visible" : "hidden");
    });
    const chosen = data.networks[network], number = answer().memory[word][unit].toFixed(2).replace("-", "−");
    const name = chosen.stores_answers ? {en: `label ${chosen.units[unit]}`, zh: `标签 ${chosen.units[unit]}`} : {en: `unit ${chosen.units[unit]}`, zh: `单元 ${chosen.units[unit]}`};
    const after = data.sentences[sentence].words[word];
    value.replaceChildren(make("span", {"data-shown": "value"}, {en: `After “${after}”: ${name.en} = ${number}`, zh: `读完“${after}”后：${name.zh} = ${number}`}));
  }

  document.addEventListener("languagechange", tell);
  show();
};
