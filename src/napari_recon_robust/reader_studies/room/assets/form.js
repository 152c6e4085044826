// The questions about one case: what is asked, and what was answered so far.

const SEEN = ["yes", "no", "unsure"];
const CHANGES = ["added", "removed", "altered"];
const CONSEQUENCES = ["none", "minor", "would change the report"];
const RANKS = ["1st", "2nd", "3rd", "4th", "5th", "6th"];
const SHORT = 16; // letters of choices that have room for two in a line
const KEYS = "123456789"; // of a long scale; further levels have none
const MOST_MARKS = 20;
const NEAR = 4; // pixels around a mark within which a click chooses it
const BUILD = {
  "forced-choice": "forced", ranking: "ranking", likert: "likert", lesion: "lesion", "free-response": "free", structures: "structures",
};

/** An element with its parts. */
function made(tag, properties = {}, ...parts) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...parts);
  return element;
}

/** After a click by the mouse keys act on the case again: Enter goes to the next one, arrows change no answer. */
function leaveToKeys(control) {
  control.addEventListener("click", (event) => { if (event.detail) control.blur(); });
}

/** The title of an image by its name. */
const titled = (name) => name[0].toUpperCase() + name.slice(1);

/** One question. names: of the images that are judged. slices: `count` of the case, `at` the one that is shown, and
 * `turn` shows another. `changed` is called after each answer; `value` is null while it is incomplete. */
class Asked {
  constructor(question, names, slices, changed) {
    [this.question, this.names, this.slices, this.changed] = [question, names, slices, changed];
    this.answer = {};
    this.selected = -1; // which mark is rated, moved or taken away
    this.taken = []; // the marks that were taken away at once, each time
    this.field = made("fieldset", {}, made("legend", { textContent: question.text }));
    this.choices = []; // what a figure on the keyboard chooses, in order
    this[BUILD[question.kind]]();
    if (!this.choices.some(({ name }) => name === "cannot_judge")) this.cannotJudge();
    if (this.choices.every(({ words }) => words?.length <= SHORT)) this.field.className = "short";
  }

  cannotJudge() {
    this.choose("cannot_judge", true, "Cannot judge", "0");
  }

  forced() {
    this.names.forEach((name, at) => this.choose("choice", at, `Image ${titled(name)}`, String(at + 1)));
  }

  ranking() {
    this.field.append(made("p", { className: "quiet", textContent: "Choose the best one first, then the next. Choose one again to take back its rank." }));
    this.names.forEach((name, at) => {
      const button = made("button", { type: "button", className: "rank" });
      const rank = made("output");
      button.append(made("kbd", { textContent: at + 1 }), `Image ${titled(name)}`, rank);
      button.addEventListener("click", () => this.rank(at));
      leaveToKeys(button);
      this.field.append(button);
      this.choices.push({ key: String(at + 1), element: button, name: "rank", value: at, rank });
    });
  }

  free() {
    this.list = made("div");
    this.hint = made("p", { className: "quiet" });
    this.again = made("button", { type: "button", hidden: true });
    this.again.addEventListener("click", () => this.bringBack());
    leaveToKeys(this.again);
    this.field.append(this.hint, this.list, this.again);
    this.choose("none", true, "There is none", "1");
  }

  likert() {
    this.question.words.forEach((word, at) => this.choose("level", at + 1, word, KEYS[at]));
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
      leaveToKeys(box);
      this.field.append(made("label", {}, made("kbd", { textContent: at + 1 }), box, `Structures were ${word}`));
      this.choices.push({ key: String(at + 1), element: box, name: "changes", value: word });
    });
    this.choose("nothing", true, "Nothing was added, removed or altered", "4");
    this.cannotJudge(); // at the end it would look like an answer on the consequence
    this.slide("certainty", "How certain are you?", () => "changes" in this.answer);
    this.group = made("div", {}, made("p", { className: "quiet", textContent: "What is the consequence for the report?" }));
    this.field.append(this.group);
    CONSEQUENCES.forEach((word, at) => this.choose("consequence", word, word[0].toUpperCase() + word.slice(1), String(at + 5), this.group));
  }

  choose(name, value, words, key, into = this.field) {
    const radio = made("input", { type: "radio", name: `${this.question.id}-${name === "consequence" ? name : "choice"}` });
    radio.addEventListener("change", () => this.set({ [name]: value }));
    leaveToKeys(radio);
    into.append(made("label", {}, made("kbd", { textContent: key ?? "" }), radio, words));
    this.choices.push({ key, element: radio, name, value, words });
  }

  slide(name, words, applies) {
    const shown = made("output", { textContent: "not set" });
    const slider = this.#range((value) => this.set({ [name]: value }));
    const label = made("label", { className: "plain" }, `${words} `, shown, slider, this.#ends("a guess", "certain"));
    this.field.append(label);
    this.slider = { name, slider, shown, label, applies };
  }

  #range(take) {
    const slider = made("input", { type: "range", min: 0, max: 100, step: 5, value: 50 });
    for (const event of ["input", "click"]) slider.addEventListener(event, () => take(Number(slider.value)));
    return slider;
  }

  #ends(low, high) {
    return made("span", { className: "ends quiet" }, made("span", { textContent: low }), made("span", { textContent: high }));
  }

  toggle(word, on) {
    const chosen = CHANGES.filter((one) => (one === word ? on : this.answer.changes?.includes(one)));
    this.set({ changes: chosen });
  }

  /** Take an answer, and show it. */
  set(part) {
    const [name] = Object.keys(part);
    const before = this.places;
    if (name === "none" || name === "cannot_judge") this.selected = -1;
    if (name === "cannot_judge") this.answer = part;
    else if (name === "none") this.answer = { marks: [] };
    else if (name === "nothing") this.answer = { ...this.#rest("consequence"), changes: [] };
    else this.answer = { ...this.#rest(), ...part };
    if (this.answer.changes && !this.answer.changes.length && name === "changes") delete this.answer.changes;
    if (this.answer.seen && this.answer.seen !== "yes") ["row", "column", "slice"].forEach((one) => delete this.answer[one]);
    if (this.list && this.places.length < before.length) this.taken.push(before.filter((one) => !this.places.includes(one)));
    this.show();
    this.changed(this);
  }

  #rest(...but) {
    const left = { ...this.answer };
    for (const name of ["cannot_judge", ...but]) delete left[name];
    return left;
  }

  /** Put an image behind those that are ranked; one that is ranked loses its place, and those behind it too. */
  rank(position) {
    let order = this.answer.order ?? [];
    if (order.includes(position)) order = order.slice(0, order.indexOf(position));
    else order = [...order, position];
    const left = this.names.map((_, at) => at).filter((at) => !order.includes(at));
    this.set({ order: left.length === 1 && !this.answer.order?.includes(position) ? [...order, ...left] : order });
  }

  /** An answer that was given before. */
  restore(answer) {
    this.answer = { ...answer };
    this.show();
  }

  show() {
    const { answer } = this;
    for (const { element, name, value, rank } of this.choices) {
      if (name === "changes") element.checked = Boolean(answer.changes?.includes(value));
      else if (name === "nothing") element.checked = answer.changes?.length === 0;
      else if (name === "none") element.checked = answer.marks?.length === 0;
      else if (name === "rank") this.#showRank(element, rank, answer.order?.indexOf(value) ?? -1);
      else element.checked = answer[name] === value;
    }
    if (this.slider) {
      const { name, slider, shown, label, applies } = this.slider;
      label.hidden = !applies();
      shown.textContent = name in answer ? answer[name] : "not set";
      slider.className = name in answer ? "" : "unset";
      if (name in answer) slider.value = answer[name];
    }
    if (this.group) this.group.hidden = !answer.changes?.length;
    if (this.list) this.#showMarks();
    else if (this.hint) {
      this.hint.textContent = this.wantsPlace ? "Click on the lesion in the image." : this.#placed();
    }
  }

  #showRank(button, output, rank) {
    output.textContent = RANKS[rank] ?? "";
    button.ariaPressed = String(rank >= 0);
  }

  /** A line for each mark: its number, its rating, and a button that takes it away. */
  #showMarks() {
    const marks = this.answer.marks ?? [];
    const last = this.taken.at(-1)?.length;
    this.hint.textContent = marks.length < MOST_MARKS
      ? "Click on each lesion in the image."
      : `${MOST_MARKS} marks are the most that a case can have. Take one away to set another.`;
    this.again.hidden = !last || marks.length + last > MOST_MARKS;
    this.again.textContent = `Bring back ${last === 1 ? "the mark" : `${last} marks`} (Z)`;
    if (this.list.children.length !== marks.length) {
      this.list.replaceChildren(...marks.map((_, at) => this.#line(at)));
    }
    marks.forEach(({ rating }, at) => {
      const line = this.list.children[at];
      line.classList.toggle("chosen", at === this.selected);
      line.querySelector("output").textContent = rating ?? "not set";
      line.querySelector("input").className = rating === undefined ? "unset" : "";
      if (rating !== undefined) line.querySelector("input").value = rating;
    });
  }

  #line(at) {
    const slider = this.#range((rating) => { this.select(at); this.rate(rating); });
    const where = "slice" in this.places[at] ? ` (slice ${this.places[at].slice + 1})` : "";
    slider.ariaLabel = `How sure are you of mark ${at + 1}${where}?`;
    const away = made("button", { type: "button", textContent: "×", ariaLabel: `Take mark ${at + 1} away`, title: "Take it away (X)" });
    away.addEventListener("click", () => { this.select(at); this.takeAway(); });
    return made("div", { className: "mark" }, made("p", {}, `${at + 1}${where}. How sure${where ? "" : " are you"}? `, made("output"), away),
      slider, this.#ends("a faint suspicion", "certain"));
  }

  #placed() {
    const where = "slice" in this.answer ? ` on slice ${this.answer.slice + 1}` : "";
    return "row" in this.answer ? `The lesion is marked${where}; click again to move the mark.` : "";
  }

  /** Whether a click on the image answers it. */
  get marks() {
    return Boolean(this.list) || this.question.kind === "lesion" && this.question.place && this.answer.seen === "yes";
  }

  get wantsPlace() {
    return this.marks && !this.list && !("row" in this.answer);
  }

  /** The places that were marked. */
  get places() {
    return "row" in this.answer ? [this.answer] : (this.answer.marks ?? []);
  }

  /** Whether a place is on the slice that is shown. */
  isHere({ slice = 0 }) {
    return slice === this.slices.at;
  }

  /** A click on the image, at the centre of a pixel: the place of the lesion, or one more mark, or near one that one. */
  mark(row, column) {
    const place = { row, column, ...(this.slices.count > 1 && { slice: this.slices.at }) };
    if (!this.list) {
      this.set(place);
      return;
    }
    const away = this.places.map((one) => (this.isHere(one) ? Math.hypot(one.row - row, one.column - column) : Infinity));
    const near = Math.min(...away, Infinity);
    if (near <= NEAR) {
      this.selected = away.indexOf(near);
      this.set({});
    } else if (this.places.length < MOST_MARKS) {
      this.selected = this.places.length;
      this.set({ marks: [...this.places, place] });
    }
  }

  /** Change the place of the lesion, or a part of the chosen mark. */
  #change(part) {
    if (this.list) this.set({ marks: this.places.map((place, at) => (at === this.#chosen ? { ...place, ...part } : place)) });
    else this.set(part);
  }

  /** The place that arrows move, if there is one on the slice. */
  get chosen() {
    return this.places[this.#chosen];
  }

  /** Which place keys act on: the selected one, else the last of the slice; -1 for none. */
  get #chosen() {
    const here = this.places.map((place) => this.isHere(place));
    return here[this.selected] ? this.selected : here.lastIndexOf(true);
  }

  /** Choose a mark, and show its slice. */
  select(at) {
    this.slices.turn(this.places[at].slice ?? 0);
    this.selected = at;
  }

  rate(rating) {
    this.#change({ rating });
  }

  /** Move the mark by pixels, within where marks count. */
  move(down, right, [top, left, height, width]) {
    const place = this.chosen;
    if (place) this.#change({ row: clamped(place.row + down, top, top + height - 1), column: clamped(place.column + right, left, left + width - 1) });
  }

  takeAway() {
    if (!this.list || !this.chosen) return;
    const left = this.places.filter((_, at) => at !== this.#chosen);
    this.selected = -1;
    this.set({ marks: left });
    if (left.length) return;
    this.answer = {}; // an empty list would say that there is none
    this.set({});
  }

  /** Put the marks back that were taken away last: one, or all by "none" or "cannot judge". */
  bringBack() {
    if (!this.list || this.again.hidden) return;
    this.selected = -1;
    this.set({ marks: [...this.places, ...this.taken.pop()] });
  }

  get value() {
    const { answer, question: { kind } } = this;
    if (answer.cannot_judge) return { cannot_judge: true };
    const complete = {
      "forced-choice": "choice" in answer,
      ranking: answer.order?.length === this.names.length,
      "free-response": answer.marks?.every(({ rating }) => rating !== undefined),
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
    if (!choice) return this.#slideBy({ "-": -5, "+": 5, "=": 5 }[key]);
    if (choice.name === "rank") this.rank(choice.value);
    else if (choice.element.type === "checkbox") this.toggle(choice.value, !choice.element.checked);
    else this.set({ [choice.name]: choice.value });
    return true;
  }

  #slideBy(step) {
    const by = (value) => clamped((value ?? 50) + step, 0, 100);
    if (!step) return false;
    if (this.list && this.places.length) {
      if (!this.chosen) this.select(this.places.length - 1);
      this.rate(by(this.chosen.rating));
    } else if (this.slider && !this.slider.label.hidden) this.set({ [this.slider.name]: by(this.answer[this.slider.name]) });
    else return false;
    return true;
  }
}
