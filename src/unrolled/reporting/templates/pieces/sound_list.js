// Words by rhyme as buttons that sound, in a voice of choice.
document.head.append(make("style", {}, `
.rhymes { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem .8rem; margin: .5rem 0; align-items: baseline; }
.rhymes dt { font-weight: 600; } .rhymes dd { margin: 0; display: flex; flex-wrap: wrap; gap: .3rem; } .rhymes button { padding: .1rem .55rem; margin: 0; font-size: .92rem; }
.rhymes button[aria-current="true"] { border-color: var(--text, #1b1b1b); font-weight: 700; }`));

pieces.sound_list = (root, data) => {
  let voice = data.voices[0];
  const said = live(), list = make("dl", {class: "rhymes"});
  root.append(radios({en: "Voice", zh: "嗓音"}, data.voices.map(name => ({value: name, label: name})), voice, chosen => { voice = chosen; show(); }), list, said);

  function press(word, button) {
    play(word.sounds[voice]);
    list.querySelectorAll("[aria-current]").forEach(other => other.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    const phonemes = word.phonemes ? ` /${word.phonemes}/` : "";
    said.replaceChildren(make("span", {}, {en: `▶ ${word.word}${phonemes}, voice ${voice}`, zh: `▶ ${word.word}${phonemes}，嗓音 ${voice}`}));
  }

  function show() {
    said.replaceChildren(make("span", {}, {en: "Nothing has been played yet.", zh: "还没有播放。"}));
    list.replaceChildren(...data.families.flatMap(family => [
      make("dt", {}, ...(family.name === "others" ? both("others", "其他") : [`-${family.name}`])),
      make("dd", {}, ...family.words.filter(word => word.sounds[voice]).map(word => {
        const button = make("button", {type: "button", "aria-label": `${word.word} (${voice})`}, word.word);
        button.onclick = () => press(word, button);
        return button;
      }))]));
  }
  show();
};
