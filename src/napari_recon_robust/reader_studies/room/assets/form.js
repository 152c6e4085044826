// The questions about one case: what is asked, and what was answered so far.

const SIDES = ["left", "right"];
const SEEN = ["yes", "no", "unsure"];
const CHANGES = ["added", "removed", "altered"];
const CONSEQUENCES = ["none", "minor", "would change the report"];

/** An element with its parts. */
function made(tag, properties = {}, ...parts) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...parts);
  return element;
}

/** One question. `changed` is called after each answer; `value` is null while it is incomplete. */
class Asked {
  constructor(question, changed) {
    [this.question, this.changed] = [question, changed];
    this.answer = {};
    this.field = made("fieldset", {}, made("legend", { textContent: question.text }));
    this.choices = []; // what a figure on the keyboard chooses, in order
    this[{ "forced-choice": "forced", likert: "likert", lesion: "lesion", structures: "structures" }[question.kind]]();
    this.choose("cannot_judge", true, "Cannot judge", "0");
  }

  forced() {
    SIDES.forEach((side, at) => this.choose("choice", at, `The image at the ${side}`, String(at + 1)));
  }

  likert() {
    this.question.words.forEach((word, at) => this.choose("level", at + 1, word, String(at + 1)));
  }

  lesion() {
    SEEN.forEach((word, at) => this.choose("seen", word, word[0].toUpperCase() + word.slice(1), String(at + 1)));
    this.slide("confidence", "How confident are you?", () => ["yes", "no"].includes(this.answer.seen));
    this.hint = made("p", { className: "quiet" });
    if (this.question.place) this.field.append(this.hint);
  }

  structures() {
    CHANGES.forEach((word, at) => {
      const box = made("input", { type: "checkbox", name: `${this.question.id}-${word}` });
      box.addEventListener("change", () => this.toggle(word, box.checked));
      this.field.append(made("label", {}, made("kbd", { textContent: at + 1 }), box, `Structures were ${word}`));
      this.choices.push({ key: String(at + 1), element: box, name: "changes", value: word });
    });
    this.choose("nothing", true, "Nothing was added, removed or altered", "4");
    this.slide("certainty", "How certain are you?", () => "changes" in this.answer);
    this.group = made("div", {}, made("p", { className: "quiet", textContent: "Of what consequence?" }));
    this.field.append(this.group);
    CONSEQUENCES.forEach((word, at) => this.choose("consequence", word, word, String(at + 5), this.group));
  }

  choose(name, value, words, key, into = this.field) {
    const radio = made("input", { type: "radio", name: `${this.question.id}-${name === "consequence" ? name : "choice"}` });
    radio.addEventListener("change", () => this.set({ [name]: value }));
    into.append(made("label", {}, made("kbd", { textContent: key }), radio, words));
    this.choices.push({ key, element: radio, name, value });
  }

  slide(name, words, applies) {
    const slider = made("input", { type: "range", min: 0, max: 100, step: 5, value: 50 });
    const shown = made("output", { textContent: "not set" });
    slider.addEventListener("input", () => this.set({ [name]: Number(slider.value) }));
    const label = made("label", { className: "plain" }, `${words} `, shown, slider);
    label.title = "0 is a guess, 100 is certain";
    this.field.append(label);
    this.slider = { name, slider, shown, label, applies };
  }

  toggle(word, on) {
    const chosen = CHANGES.filter((one) => (one === word ? on : this.answer.changes?.includes(one)));
    this.set({ changes: chosen });
  }

  /** Take an answer, and show it. */
  set(part) {
    const [name] = Object.keys(part);
    if (name === "cannot_judge") this.answer = part;
    else if (name === "nothing") this.answer = { ...this.#rest("consequence"), changes: [] };
    else this.answer = { ...this.#rest(), ...part };
    if (this.answer.changes && !this.answer.changes.length && name === "changes") delete this.answer.changes;
    if (this.answer.seen && this.answer.seen !== "yes") ["row", "column"].forEach((one) => delete this.answer[one]);
    this.show();
    this.changed(this);
  }

  #rest(...but) {
    const left = { ...this.answer };
    for (const name of ["cannot_judge", ...but]) delete left[name];
    return left;
  }

  /** An answer that was given before. */
  restore(answer) {
    this.answer = { ...answer };
    this.show();
  }

  show() {
    const { answer } = this;
    for (const { element, name, value } of this.choices) {
      if (name === "changes") element.checked = Boolean(answer.changes?.includes(value));
      else if (name === "nothing") element.checked = answer.changes?.length === 0;
      else element.checked = answer[name] === value;
    }
    if (this.slider) {
      const { name, slider, shown, label, applies } = this.slider;
      label.hidden = !applies();
      shown.textContent = name in answer ? answer[name] : "not set";
      if (name in answer) slider.value = answer[name];
    }
    if (this.group) this.group.hidden = !answer.changes?.length;
    if (this.hint) {
      this.hint.textContent = this.wantsPlace ? "Click on the lesion in the image." : this.#placed();
    }
  }

  #placed() {
    return "row" in this.answer ? "The lesion is marked; click again to move the mark." : "";
  }

  get marks() {
    return this.question.kind === "lesion" && this.question.place && this.answer.seen === "yes";
  }

  get wantsPlace() {
    return this.marks && !("row" in this.answer);
  }

  /** A click on the image, at the centre of a pixel. */
  mark(row, column) {
    this.set({ row, column });
  }

  get value() {
    const { answer, question: { kind } } = this;
    if (answer.cannot_judge) return { cannot_judge: true };
    const complete = {
      "forced-choice": "choice" in answer,
      likert: "level" in answer,
      lesion: answer.seen === "unsure" || ("seen" in answer && "confidence" in answer && !this.wantsPlace),
      structures: "changes" in answer && "certainty" in answer && (!answer.changes.length || "consequence" in answer),
    }[kind];
    if (!complete) return null;
    if (kind === "lesion" && answer.seen === "unsure") return { seen: "unsure" };
    return answer;
  }

  /** Whether a key on the keyboard was one of this question's. */
  press(key) {
    const choice = this.choices.find((one) => one.key === key && !one.element.closest("[hidden]"));
    if (!choice) return this.slider && !this.slider.label.hidden && this.#slideBy({ "-": -5, "+": 5, "=": 5 }[key]);
    if (choice.element.type === "checkbox") this.toggle(choice.value, !choice.element.checked);
    else this.set({ [choice.name]: choice.value });
    return true;
  }

  #slideBy(step) {
    if (!step) return false;
    const { name } = this.slider;
    this.set({ [name]: Math.min(Math.max((this.answer[name] ?? 50) + step, 0), 100) });
    return true;
  }
}
