// A spoken phrase, and the sentences of an archive that each method finds for it, all to be listened to.
document.head.append(make("style", {}, `
.found-list { list-style: none; margin: .6rem 0; padding: 0; display: grid; gap: .4rem; }
.found-list li { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr) auto; gap: .1rem .6rem; align-items: center; padding: .4rem .6rem;
  border: 1px solid var(--line, #d5d5d0); border-left: .35rem solid var(--kind); border-radius: .4rem; }
.found-list li.playing { background: var(--soft, #f1f1ec); } .found-list b { font-size: 1.1rem; } .found-list mark { background: none; color: inherit; font-weight: 700; text-decoration: underline; text-underline-offset: .2em; }
.found-list small { grid-column: 2; font-size: .85rem; font-variant-numeric: tabular-nums; } .found-list .plays { grid-column: 3; grid-row: 1 / 3; display: flex; gap: .4rem; flex-wrap: wrap; justify-content: end; }
@media (max-width: 44rem) { .found-list .plays { grid-column: 2; grid-row: auto; justify-content: start; } }`));

pieces.archive_search = (root, data) => {
  const methods = [
    {of: "vectors", name: {en: "by vectors", zh: "按向量"}, score: {en: "cosine", zh: "余弦"},
      told: {en: `each sentence's nearest segment, among all ${data.archive} sentences`, zh: `在全部 ${data.archive} 句中，取每句里最近的片段比较`}},
    {of: "alignment", name: {en: "by alignment", zh: "按对齐"}, score: {en: "distance", zh: "距离"},
      told: {en: `aligned with all ${data.archive} sentences, frame by frame`, zh: `与全部 ${data.archive} 句逐帧对齐`}},
    {of: "two_stages", name: {en: "by vectors, then alignment", zh: "先用向量，再对齐"}, score: {en: "distance", zh: "距离"},
      told: {en: `vectors choose ${data.candidates} of ${data.archive} sentences, alignment puts these in order`, zh: `先由向量从 ${data.archive} 句中选出 ${data.candidates} 句，再用对齐排序`}},
  ];
  let phrase = data.phrases[0], method = methods[2];

  const select = make("select", {onchange: event => { phrase = data.phrases[event.target.value]; show(); }},
    ...data.phrases.map((found, index) => make("option", {value: index}, found.phrase)));
  const ask = make("button", {type: "button", onclick: () => sound(phrase.sound, ask)}, {en: "▶ hear the query", zh: "▶ 听查询短语"});
  const choice = radios({en: "Search", zh: "检索方式"}, methods.map(found => ({value: found.of, label: found.name})), method.of,
    chosen => { method = methods.find(found => found.of === chosen); show(); });
  const said = live(), list = make("ol", {class: "found-list"});
  root.append(make("div", {class: "controls"}, make("label", {class: "controls"}, {en: "Phrase", zh: "短语"}, select), ask), choice, said, list);

  // Play a sound, or its part between two times: a media fragment begins it, but browsers end one up to a quarter of a second late.
  function sound(address, from, [begin, end] = [0, Infinity]) {
    play(begin || end < Infinity ? `${address}#t=${begin},${end}` : address);
    const mine = player.src;
    const watch = () => {
      if (player.src !== mine || player.ended) return;
      if (player.currentTime >= end) player.pause();
      else requestAnimationFrame(watch);
    };
    if (end < Infinity) watch();
    list.querySelectorAll(".playing").forEach(row => row.classList.remove("playing"));
    const row = from.closest("li");
    if (row) row.classList.add("playing");
  }

  function button(label, name, address, part) {
    const made = make("button", {type: "button", "aria-label": words(name)}, label);
    made.onclick = () => sound(address, made, part);
    return made;
  }

  // The sentence, its phrase underlined where it holds the one that is asked for.
  function marked(text) {
    const place = ` ${text} `.indexOf(` ${phrase.phrase} `);
    if (place < 0) return [text];
    return [text.slice(0, place), make("mark", {}, phrase.phrase), text.slice(place + phrase.phrase.length)];
  }

  function row([place, score, begin, end], index) {
    const sentence = data.sentences[place], right = sentence.phrase === phrase.phrase;
    const span = `${begin.toFixed(2)}–${end.toFixed(2)} s`;
    return make("li", {"data-right": String(right), style: `--kind: ${right ? hues.green : hues.vermilion}`},
      make("b", {}, String(index + 1)), make("span", {}, ...marked(sentence.text), " ", ...(right ? both("✓ right", "✓ 正确") : both("✗ wrong", "✗ 错误"))),
      make("small", {}, {en: `at ${span} of ${sentence.seconds.toFixed(2)} s · ${method.score.en} ${score.toFixed(3)} · voice ${sentence.voice}`,
        zh: `位置 ${span}（全长 ${sentence.seconds.toFixed(2)} s）· ${method.score.zh} ${score.toFixed(3)} · 嗓音 ${sentence.voice}`}),
      make("span", {class: "plays"},
        button({en: "▶ sentence", zh: "▶ 整句"}, {en: `play sentence ${index + 1}`, zh: `整句：播放第 ${index + 1} 句`}, sentence.sound),
        button({en: "▶ place", zh: "▶ 此处"}, {en: `play the place found in sentence ${index + 1}`, zh: `此处：播放第 ${index + 1} 句中找到的位置`}, sentence.sound, [begin, end])));
  }

  function show() {
    const found = phrase.found[method.of], right = found.filter(([place]) => data.sentences[place].phrase === phrase.phrase).length;
    list.setAttribute("aria-label", words({en: `Found for “${phrase.phrase}”`, zh: `“${phrase.phrase}”的检索结果`}));
    list.replaceChildren(...found.map(row));
    said.replaceChildren(make("span", {}, {
      en: `“${phrase.phrase}” (voice ${phrase.voice}), ${method.name.en}: ${method.told.en}. ${right} of the first ${found.length} are right; ${phrase.holding} sentences of the archive hold the phrase.`,
      zh: `“${phrase.phrase}”（嗓音 ${phrase.voice}），${method.name.zh}：${method.told.zh}。前 ${found.length} 句中 ${right} 句正确；库中共有 ${phrase.holding} 句含该短语。`}));
  }
  document.addEventListener("languagechange", show);
  show();
};
