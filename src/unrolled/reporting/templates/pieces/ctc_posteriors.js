// A recording and what networks make of it, over one time axis: sound, CTC's probabilities, and labels of every step.
document.head.append(make("style", {}, `
.ctc-reading { margin: .6rem 0; } .ctc-reading h4 { margin: .5rem 0 .1rem; font-size: 1rem; } .ctc-reading p { margin: .1rem 0; }
.ctc-reading .step { display: inline-block; padding: 0 .3rem; margin: .1rem; border: 1px solid var(--line, #d5d5d0); border-radius: .3rem; background: var(--soft, #f1f1ec); }
.ctc-reading .step.null { opacity: .75; border-style: dashed; }
.ctc-now { display: block; min-height: 1.6em; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .2rem 0; }
@media (max-width: 44rem) { .ctc-now { min-height: 4.6em; } }`));

pieces.ctc_posteriors = (root, data) => {
  const readers = [
    {of: "ctc", name: {en: "CTC", zh: "CTC"}},
    {of: "trimming", name: {en: "a label per step, merged", zh: "逐帧标注再合并"}},
    {of: "silence", name: {en: "the same, with a class for silence", zh: "逐帧标注再合并，另有静音类别"}},
  ];
  const palette = [hues.blue, hues.vermilion, hues.green, hues.orange, hues.purple, hues.sky];
  const halo = "paint-order: stroke; stroke: var(--page, #fff); stroke-width: 4px";
  let recording = data.recordings[0], time = 0, marks = [];

  const isNull = name => name === data.null || name === data.silence;
  const nameOf = name => (name === data.silence ? words({en: "silence", zh: "静音"}) : name);
  // Symbols in the order in which they are said, then those that some network merely thinks of.
  const symbols = () => [...new Set([...recording.words, ...Object.keys(recording.readings.ctc.lines),
    ...readers.flatMap(({of}) => recording.readings[of].stretches.map(([name]) => name))])].filter(name => !isNull(name));
  const colour = name => (isNull(name) ? hues.grey : palette[symbols().indexOf(name) % palette.length]);

  const options = data.recordings.map((found, index) => {
    const option = make("option", {value: index});
    const name = () => {
      const how = found.pauses ? {en: "with pauses", zh: "有停顿"} : {en: "connected", zh: "连读"};
      option.textContent = `${found.words.join(" ")} (${words({en: `${found.speech}, ${how.en}`, zh: `${found.speech_zh}，${how.zh}`})})`;
    };
    document.addEventListener("languagechange", name);
    name();
    return option;
  });
  const select = make("select", {onchange: event => { stop(); recording = data.recordings[event.target.value]; time = 0; show(); }}, ...options);
  const button = make("button", {type: "button", onclick: () => (playing() ? stop() : start())});
  const slider = make("input", {type: "range", min: 0, step: 0.01, oninput: event => { stop(); at(Number(event.target.value)); }});
  const now = make("span", {class: "ctc-now"});
  const box = make("div"), results = make("div", {"aria-live": "polite"});
  root.append(make("label", {class: "controls"}, {en: "Recording", zh: "录音"}, select), make("div", {class: "controls"}, button, slider), box, now, results);

  const mine = () => player.src.includes(recording.sound);
  const playing = () => mine() && !player.paused && !player.ended;
  function start() {
    play(`${recording.sound}#t=${(time > recording.seconds - 0.05 ? 0 : time).toFixed(2)}`);
  }
  function stop() {
    if (mine()) player.pause();
  }
  function follow() {
    label();
    if (!playing()) return;
    at(Math.min(player.currentTime, recording.seconds));
    requestAnimationFrame(follow);
  }
  player.addEventListener("playing", () => { if (mine()) follow(); });
  player.addEventListener("ended", () => { if (mine()) at(recording.seconds); label(); });
  player.addEventListener("pause", label);
  function label() {
    button.replaceChildren(...(playing() ? both("■ stop", "■ 停止") : both("▶ play", "▶ 播放")));
  }

  // The name of the label at a time, in one reading.
  function labelAt(reading, seconds) {
    let left = Math.floor(seconds / reading.step);
    for (const [name, count] of reading.stretches) if ((left -= count) < 0) return name;
    return reading.stretches[reading.stretches.length - 1][0];
  }

  function at(seconds) {
    time = seconds;
    slider.value = seconds;
    marks.forEach(mark => mark(seconds));
    const ctc = recording.readings.ctc, lines = Object.entries(ctc.lines);
    const step = Math.min(lines[0][1].length - 1, Math.floor(seconds / ctc.step));
    const likely = lines.map(([name, line]) => [name, line[step]]).sort((one, other) => other[1] - one[1]).slice(0, 3);
    const texts = language => [`${seconds.toFixed(2)} s`, `CTC: ${likely.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(", ")}`,
      ...readers.slice(1).map(({of, name}) => `${name[language]}: ${labelAt(recording.readings[of], seconds)}`)];
    now.replaceChildren(...both(texts("en").join(" · "), texts("zh").join(" · ").replaceAll(data.silence, "静音").replaceAll(": ", "：")));
    slider.setAttribute("aria-valuetext", words({en: texts("en").join("; "), zh: texts("zh").join("；")}));
  }

  function draw(width) {
    const left = 26, right = 20, scale = seconds => left + seconds / recording.seconds * (width - left - right);
    const heights = {sound: 22, ctc: 120, bars: 258}, height = 366;
    const picture = svg("svg", {class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words({
      en: `Sound, CTC probabilities and labels over ${recording.seconds.toFixed(1)} seconds of: ${recording.words.join(" ")}`,
      zh: `“${recording.words.join(" ")}”的波形、CTC 概率与逐帧标签，共 ${recording.seconds.toFixed(1)} 秒`}), style: "cursor: pointer; touch-action: pan-y"});
    const title = (y, name) => svg("text", {x: 0, y, style: `font-size: 13px; font-weight: 600; ${halo}`}, words(name));
    const cursor = svg("line", {y1: heights.sound, y2: height - 20, stroke: hues.text, "stroke-width": 2, "data-shown": "cursor"});
    picture.append(...sound(scale, heights.sound), ...lines(scale, heights.ctc, width - right),
      ...readers.slice(1).flatMap(({of}, row) => bars(scale, of, heights.bars + 46 * row)), cursor,
      title(12, {en: "sound, and what is said", zh: "波形与所说内容"}), title(heights.ctc - 6, {en: "CTC: probability of each symbol", zh: "CTC：各符号的概率"}),
      ...readers.slice(1).map(({name}, row) => title(heights.bars + 46 * row - 6, name)));
    for (const seconds of ticks(0, recording.seconds, Math.max(3, Math.floor(width / 90)))) {
      picture.append(svg("text", {x: scale(seconds), y: height - 4, "text-anchor": "middle"}, `${seconds} s`));
    }
    marks = [seconds => { cursor.setAttribute("x1", scale(seconds)); cursor.setAttribute("x2", scale(seconds)); }];
    marks[0](time);
    const pick = event => {
      const frame = picture.getBoundingClientRect(), x = (event.clientX - frame.left) * width / frame.width;
      stop();
      at(Math.max(0, Math.min(recording.seconds, (x - left) / (width - left - right) * recording.seconds)));
    };
    picture.addEventListener("pointerdown", pick);
    picture.addEventListener("pointermove", event => { if (event.buttons) pick(event); });
    return picture;
  }

  function sound(scale, top) {
    const middle = top + 40, each = recording.seconds / recording.outline.length;
    const up = recording.outline.map((peak, place) => `${scale(place * each).toFixed(1)},${(middle - 0.26 * peak - 0.5).toFixed(1)}`);
    const down = recording.outline.map((peak, place) => `${scale(place * each).toFixed(1)},${(middle + 0.26 * peak + 0.5).toFixed(1)}`).reverse();
    const edges = [...new Set(recording.spans.flat())].map(seconds => svg("line", {x1: scale(seconds), x2: scale(seconds), y1: top - 4, y2: middle + 26,
      stroke: hues.grey, "stroke-dasharray": "2 3"}));
    const names = recording.spans.map(([begin, end], place) => svg("text", {x: scale((begin + end) / 2), y: top + 8, "text-anchor": "middle",
      style: `font-size: 14px; font-weight: 600; ${halo}`}, recording.words[place]));
    return [svg("polygon", {points: [...up, ...down].join(" "), fill: hues.grey, opacity: 0.65}), ...edges, ...names];
  }

  function lines(scale, top, end) {
    const reading = recording.readings.ctc, low = top + 104, y = value => low - value * 84;
    const grid = [0, 0.5, 1].flatMap(value => [svg("line", {x1: scale(0), x2: end, y1: y(value), y2: y(value), stroke: "var(--line, #d5d5d0)"}),
      svg("text", {x: scale(0) - 4, y: y(value) + 4, "text-anchor": "end", style: "font-size: 12px"}, String(value))]);
    const found = Object.entries(reading.lines).sort(([name]) => (isNull(name) ? -1 : 1));
    const curves = found.map(([name, line]) => svg("polyline", {fill: "none", stroke: colour(name), "stroke-width": isNull(name) ? 1.5 : 2.5, "data-line": name,
      "stroke-dasharray": isNull(name) ? "5 3" : "", points: line.map((value, step) => `${scale((step + 0.5) * reading.step).toFixed(1)},${y(value).toFixed(1)}`).join(" ")}));
    let steps = 0;
    const peaks = reading.stretches.map(([name, count]) => {
      const middle = (steps + count / 2) * reading.step;
      steps += count;
      return [name, middle];
    }).filter(([name, middle], place, all) => !isNull(name) || all[0][1] === middle);
    const names = peaks.map(([name, middle]) => svg("text", {x: scale(middle), y: y(1) - 3, "text-anchor": "middle", style: "font-weight: 600"}, name));
    return [...grid, ...curves, ...names];
  }

  function bars(scale, of, top) {
    const reading = recording.readings[of];
    let steps = 0;
    return reading.stretches.flatMap(([name, count]) => {
      const x = scale(steps * reading.step), width = scale((steps + count) * reading.step) - x;
      steps += count;
      const bar = svg("rect", {x: x + 0.5, y: top, width: Math.max(1, width - 1), height: 22, fill: colour(name), "fill-opacity": isNull(name) ? 0.25 : 0.35,
        stroke: colour(name), "data-label": name});
      const fits = width > 7.5 * (/[一-鿿]/.test(nameOf(name)) ? 2 : 1) * nameOf(name).length;
      return fits ? [bar, svg("text", {x: x + width / 2, y: top + 16, "text-anchor": "middle"}, nameOf(name))] : [bar];
    });
  }

  // How an answer comes about: the labels merged, then what stands for nothing deleted.
  function told({of, name}) {
    const reading = recording.readings[of], right = answer => answer.join(" ") === recording.words.join(" ");
    const merged = reading.stretches.map(([symbol, count]) => make("span", {class: isNull(symbol) ? "step null" : "step"},
      ...(symbol === data.silence ? both(`silence ×${count}`, `静音 ×${count}`) : [`${symbol} ×${count}`])));
    const answer = list => make("strong", {"data-right": String(right(list))}, `${list.join(" ") || "–"} ${right(list) ? "✓" : "✗"}`);
    const seeds = {en: ` (right: ${reading.right_seeds} of ${reading.seeds} seeds)`, zh: `（${reading.seeds} 个种子中 ${reading.right_seeds} 个正确）`};
    const part = make("div", {class: "ctc-reading", "data-reading": of}, make("h4", {}, name), make("p", {}, ...merged, " → ", answer(reading.answer), seeds));
    if (reading.nulls_first) {
      part.append(make("p", {}, {en: "in the wrong order, φ deleted before merging: ", zh: "若次序颠倒，先删 φ 再合并："}, answer(reading.nulls_first)));
    }
    return part;
  }

  const again = drawn(box, draw);
  function show() {
    slider.max = recording.seconds;
    slider.setAttribute("aria-label", words({en: "time in the recording", zh: "录音中的时间"}));
    results.replaceChildren(make("p", {}, {
      en: `Said: ${recording.words.join(" ")} (voice ${recording.voice}${recording.afresh ? ", spoken for this page" : ", a test string"}). “×” counts the steps that were merged.`,
      zh: `所说：${recording.words.join(" ")}（嗓音 ${recording.voice}，${recording.afresh ? "为本页专门合成" : "取自测试集"}）。“×”后是合并掉的步数。`}), ...readers.map(told));
    again();
    at(time);
    label();
  }
  document.addEventListener("languagechange", show);
  show();
};
