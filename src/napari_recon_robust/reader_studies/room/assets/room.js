// The reading room: invitation, consent, display, and one case after the other.

const main = document.getElementById("main");
const message = document.getElementById("message");
const ROOM_MODES = { side: "Side by side", flicker: "Flicker", wipe: "Wipe" };

/** Ask the server; an Error has its sentence. */
async function ask(path, body) {
  const request = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, { ...request, cache: "no-store", credentials: "same-origin" });
  } catch {
    throw new Error("The server cannot be reached. Your answer is still here; send it again in a moment.");
  }
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({}));
    throw Object.assign(new Error(error ?? `The server answers ${response.status}.`), { status: response.status });
  }
  return response;
}

const sent = async (path, body) => (await ask(path, body)).json();
const say = (words) => { message.textContent = words; };

/** A page of words with buttons: [words, what happens]. */
function words(title, parts, ...buttons) {
  main.className = "words";
  const row = made("div", { className: "row" });
  buttons.forEach(([label, act], at) => {
    const button = made("button", { textContent: label, className: at ? "" : "first" });
    button.addEventListener("click", () => act().catch((error) => say(error.message)));
    row.append(button);
  });
  const paragraphs = parts.map((part) => (typeof part === "string" ? made("p", { textContent: part }) : part));
  main.replaceChildren(made("h1", { textContent: title }), ...paragraphs, row);
  row.querySelector("button")?.focus();
}

async function begin() {
  const token = location.hash.slice(1);
  if (token) {
    history.replaceState(null, "", "/"); // the secret leaves the address
    words("Reader study", ["You are invited to read the cases of a study in this browser. The invitation holds once."],
      ["Begin", async () => { await ask("/enter", { token }); await go(); }]);
    return;
  }
  await go();
}

/** Whatever comes next. */
async function go() {
  say("");
  let state;
  try {
    state = await sent("/state");
  } catch (error) {
    words("Reader study", [error.message], ["Try again", go]);
    return;
  }
  if (!state.consented) consent(state);
  else if (state.next && !state.display) display(state);
  else if (state.next) await read(state, state.next);
  else ended(state);
}

function consent({ study }) {
  words(study.title, [study.consent, "Research only, not for diagnostic use. What you read here is stored under a pseudonym."],
    ["I agree and take part", async () => { await ask("/consent", {}); await go(); }]);
}

function ended({ study, wait, done, total }) {
  const remove = ["Delete my data", async () => {
    if (!confirm("All your answers are deleted for good. Go on?")) return;
    await ask("/forget", {});
    words("Deleted", ["Your answers are deleted. You can close this page."]);
  }];
  if (wait) {
    const date = new Date(wait).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
    words(study.title, [`This sitting is finished. The next one may begin on ${date}.`], ["Look again", go], remove);
  } else {
    words(study.title, [`All is read (${done} of ${total} in this sitting). Thank you.`], ["Look again", go], remove);
  }
}

/** The check of the display at the start of a sitting: no page calibrates a monitor, but it can ask. */
function display({ sitting, sittings }) {
  const ramp = made("div", { className: "ramp" }, ...Array.from({ length: 18 }, () => made("i")));
  const patches = made("div", {}, made("span", { className: "patch black" }, made("i")),
    made("span", { className: "patch white" }, made("i")));
  const faint = made("p", { className: "faint", textContent: "low contrast" });
  const asked = ["5% is seen in black", "95% is seen in white", "18 steps are seen", "The faint words can be read"];
  const boxes = asked.map((label) => made("label", { className: "row" }, made("input", { type: "checkbox", name: label }), label));
  const fields = [["light", "Light in the room"], ["distance", "Distance from the display, cm"], ["calibrated", "Display calibrated on"]]
    .map(([name, label]) => made("label", { className: "row" }, `${label} `, made("input", { name, maxLength: 80 })));
  words(`Sitting ${sitting} of ${sittings}: the display`, [ramp, patches, faint, ...boxes, ...fields,
    "Images may flicker up to four times a second if you choose so. Leave flicker alone if you are photosensitive."],
  ["Start reading", async () => {
    const findings = Object.fromEntries([...main.querySelectorAll("input")].map((input) =>
      [input.name, input.type === "checkbox" ? input.checked : input.value]));
    Object.assign(findings, { pixels: `${screen.width}x${screen.height}`, ratio: devicePixelRatio, bits: screen.colorDepth });
    await ask("/display", findings);
    await go();
  }]);
}

async function read(state, shown) {
  const names = [...(shown.reference ? ["reference"] : []), ...Array.from({ length: shown.images }, (_, at) => String(at))];
  let values;
  try {
    values = await Promise.all(names.map(async (name) => {
      const buffer = await (await ask(`/image/${shown.id}/${name}`)).arrayBuffer();
      return [name, new Float32Array(buffer, 0, shown.rows * shown.columns)];
    }));
  } catch (error) {
    words(state.study.title, [error.message], ["Try again", go]);
    return;
  }
  current?.close();
  current = new Reading(state, shown, Object.fromEntries(values));
}

let current = null;

/** One case: its images as the viewer of reports shows them, its questions, and the clock. */
class Reading {
  constructor(state, shown, values) {
    this.study = state.study;
    this.place = state;
    this.shown = shown;
    this.description = { ...shown, results: [] };
    this.pictures = new Pictures(this.description, values);
    this.view = new View(this.description);
    if (!this.study.viewing.zoom) this.view.zoom = this.view.move = () => {};
    const title = { reference: "Reference", 0: shown.images > 1 ? "Left" : "Image", 1: "Right" };
    this.images = Object.keys(values).map((name) => ({ id: name, name, title: title[name], words: "", marks: [] }));
    this.images.sort((a, b) => (b.name === "reference") - (a.name === "reference") || a.name - b.name);
    const { modes } = this.study.viewing;
    this.state = {
      mode: "side", window: { ...shown.window }, wipe: 0.5, rate: 2, held: false,
      smooth: false, signed: true, outline: Boolean(shown.region), a: null, b: null,
    };
    this.modes = this.images.length > 1 ? modes : ["side"];
    [this.phase, this.timer, this.cursor] = [0, null, null];
    [this.sending, this.times] = [false, { shown: performance.now(), hidden: 0 }];
    if (shown.region) this.outline = this.#square(shown.region);
    this.#build();
    if (Object.keys(shown.given).length) this.#restore();
    this.set({});
    this.#listen();
  }

  #square([row, column, height, width]) {
    const path = new Path2D();
    path.rect(column, row, width, height);
    return path;
  }

  image(name) {
    return this.images.find((image) => image.name === name);
  }

  // ---------------------------------------------------------------- the page

  #build() {
    this.asked = this.study.questions.map((question) => new Asked(question, () => this.#answered()));
    this.panels = made("div", { className: "panels" });
    this.bar = made("div", { className: "bar" });
    for (const mode of this.modes.length > 1 ? this.modes : []) this.#button(ROOM_MODES[mode], () => this.set({ mode }), mode);
    if (this.study.viewing.window) this.#button("Reset window (W)", () => this.set({ window: { ...this.shown.window } }));
    if (this.study.viewing.smoothing) this.#button("Smooth (I)", () => this.set({ smooth: !this.state.smooth }), "smooth");
    if (this.study.viewing.zoom) this.#button("Fit (F)", () => { this.view.set("fit"); this.draw(); });
    if (this.study.viewing.zoom && this.shown.region) this.#button("Region (R)", () => this.region());
    this.comment = made("textarea", { maxLength: 4000, ariaLabel: "Comment", placeholder: "Comment" });
    this.next = made("button", { className: "first", textContent: "Next (Enter)", disabled: true });
    this.next.addEventListener("click", () => this.send());
    const back = made("button", { textContent: "Back", disabled: !this.shown.before });
    back.addEventListener("click", () => this.back());
    const pause = made("button", { textContent: "Pause" });
    pause.addEventListener("click", () => this.pause());
    const { done, total, sitting, sittings } = this.place;
    const kind = this.shown.training ? "Training" : `Sitting ${sitting} of ${sittings}`;
    const form = made("form", { className: "form" },
      made("div", {}, made("p", { className: "quiet", textContent: `${kind}: ${done} of ${total} read` }),
        made("progress", { max: total, value: done })),
      ...this.asked.map((one) => one.field), this.comment,
      made("div", { className: "end" }, back, pause, this.next));
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const button of form.querySelectorAll("button")) button.type = "button";
    main.className = "reading";
    main.replaceChildren(made("section", { className: "stage" }, this.bar, this.panels), form);
    for (const one of this.asked) one.show();
    this.#current.field.classList.add("asked");
  }

  #button(label, act, name = "") {
    const button = made("button", { type: "button", textContent: label });
    button.dataset.name = name;
    button.addEventListener("click", act);
    this.bar.append(button);
  }

  #restore() {
    for (const one of this.asked) if (one.question.id in this.shown.given) one.restore(this.shown.given[one.question.id]);
    this.comment.value = this.shown.given.comment?.text ?? "";
    this.#answered();
  }

  #listen() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    addEventListener("keydown", (event) => this.press(event), { signal });
    addEventListener("resize", () => this.#fit(), { signal });
    document.addEventListener("visibilitychange", () => this.#hidden(document.hidden), { signal });
    this.seen = new ResizeObserver(() => this.#fit());
    this.seen.observe(this.panels.parentElement);
  }

  close() {
    this.stop.abort();
    this.seen.disconnect();
    clearTimeout(this.timer);
    this.closed = true;
  }

  // ---------------------------------------------------------------- the clock

  #hidden(away) {
    if (away) this.away ??= performance.now();
    else if (this.away !== undefined) {
      this.times.hidden += performance.now() - this.away;
      this.away = undefined;
    }
  }

  pause() {
    this.#hidden(true);
    const cover = made("main", { className: "words" }, made("h1", { textContent: "Paused" }));
    const on = made("button", { className: "first", textContent: "Go on" });
    on.addEventListener("click", () => { cover.remove(); main.hidden = false; this.#hidden(false); this.#fit(); });
    cover.append(on);
    main.hidden = true;
    main.after(cover);
    on.focus();
  }

  // ---------------------------------------------------------------- answers

  #answered() {
    this.times.first ??= performance.now();
    this.panels.classList.toggle("marking", this.asked.some((one) => one.marks));
    this.next.disabled = this.sending || this.asked.some((one) => one.value === null);
    for (const one of this.asked) one.field.classList.toggle("asked", one === this.#current);
    this.#current.field.scrollIntoView({ block: "nearest" });
    this.draw();
  }

  /** The question that keys answer: the first that has no answer, else the last. */
  get #current() {
    return this.asked.find((one) => one.value === null) ?? this.asked.at(-1);
  }

  get #context() {
    const { state: { window: { low, high }, mode, smooth }, times } = this;
    return {
      shown: times.shown, first_action: times.first, answered: performance.now(), hidden: times.hidden,
      low, high, mode, smooth, zoom: this.view.scale / this.view.fitting,
    };
  }

  /** Send the answers; they stay on the screen until the server has confirmed them. */
  async send() {
    if (this.sending || this.next.disabled) return;
    this.sending = true;
    this.#answered();
    try {
      const { truth } = await sent("/answer", {
        presentation: this.shown.id, revision: this.shown.revision, context: this.#context, comment: this.comment.value,
        answers: Object.fromEntries(this.asked.map((one) => [one.question.id, one.value])),
      });
      if (truth) await this.feedback(truth);
      else await go();
    } catch (error) {
      say(error.message);
      this.sending = false;
      this.#answered();
    }
  }

  /** What a case for training shows, before the next one comes. */
  async feedback({ lesion, place }) {
    this.truth = place;
    const sentence = { true: "There is a lesion here; it is marked.", false: "There is no lesion here." }[lesion];
    say(sentence ?? "What is true of this case is not known.");
    this.sending = false;
    this.next.disabled = false;
    this.next.textContent = "Go on (Enter)";
    this.send = go;
    this.draw();
  }

  async back() {
    if (!this.shown.before) return;
    try {
      await read(this.place, await sent(`/presentation/${this.shown.before}`));
    } catch (error) {
      say(error.message);
    }
  }

  press(event) {
    if (main.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === this.comment) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const { viewing } = this.study;
    const acts = {
      Enter: () => this.send(), s: () => this.#mode("side"), l: () => this.#mode("flicker"), v: () => this.#mode("wipe"),
      f: () => { this.view.set("fit"); this.draw(); }, r: () => this.region(), ArrowLeft: () => this.#arrow(-1), ArrowRight: () => this.#arrow(1),
    };
    if (viewing.window) acts.w = () => this.set({ window: { ...this.shown.window } });
    if (viewing.smoothing) acts.i = () => this.set({ smooth: !this.state.smooth });
    if (key === "Enter" && event.target.tagName === "BUTTON") return;
    if (key === "Tab" || (key.startsWith("Arrow") && event.target.tagName === "INPUT")) return;
    if (key in acts) acts[key]();
    else if (!this.#current.press(key)) return;
    event.preventDefault();
  }

  /** The square in which to look, with its surroundings. */
  region() {
    if (!this.shown.region || !this.study.viewing.zoom) return;
    const [row, column, height, width] = this.shown.region;
    const { pixel } = this.view;
    const top = this.description.upsideDown ? this.description.rows - row - height : row;
    this.view.set("region", { x: column * pixel.x, y: top * pixel.y, width: width * pixel.x, height: height * pixel.y });
    this.draw();
  }

  #mode(mode) {
    if (this.modes.includes(mode)) this.set({ mode });
  }

  #arrow(step) {
    if (this.state.mode === "wipe") this.set({ wipe: clamped(this.state.wipe + 0.02 * step, 0, 1) });
  }

  // ---------------------------------------------------------------- images

  set(changes) {
    Object.assign(this.state, changes);
    for (const button of this.bar.children) {
      const { name } = button.dataset;
      if (name) button.ariaPressed = String(name === "smooth" ? this.state.smooth : name === this.state.mode);
    }
    const said = `${this.state.mode} ${this.state.smooth}`;
    if (said !== this.said) {
      this.said = said;
      this.contents = this.#contents.map((content) => new Panel(this, content));
      this.panels.replaceChildren(...this.contents.map((panel) => panel.figure));
      for (const panel of this.contents) this.#listenTo(panel.canvas);
      this.#fit();
    }
    this.draw();
    this.#flicker();
  }

  setWindow(low, high) {
    if (this.study.viewing.window) this.set({ window: { low, high: Math.max(high, low + 1e-3 * this.description.maximum) } });
  }

  get #contents() {
    const names = this.images.map((image) => image.name);
    if (this.state.mode === "side") return names.map((name) => ({ images: [name] }));
    const pair = names.slice(-2);
    return [...names.slice(0, -2).map((name) => ({ images: [name] })), { images: pair, [this.state.mode]: true }];
  }

  /** A press without a drag marks the place of a lesion. */
  #listenTo(canvas) {
    listenToMouse(this, canvas);
    let from = null;
    canvas.addEventListener("pointerdown", (event) => { from = event.button === 0 ? [event.clientX, event.clientY] : null; });
    canvas.addEventListener("pointerup", (event) => {
      if (!from || Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 4) return;
      const box = canvas.getBoundingClientRect();
      const scale = canvas.width / box.width;
      const at = this.view.image({ x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale });
      const { rows, columns, upsideDown } = this.description;
      const [column, seen] = [at.x / this.view.pixel.x - 0.5, at.y / this.view.pixel.y - 0.5];
      if (seen < -0.5 || column < -0.5 || seen > rows - 0.5 || column > columns - 0.5) return;
      const row = upsideDown ? rows - 1 - seen : seen;
      this.asked.find((one) => one.marks)?.mark(row, column);
    });
  }

  #fit() {
    if (this.closed) return;
    const { clientWidth: width, clientHeight: height } = this.panels;
    const { x, y } = this.view.size;
    const count = this.contents.length;
    const sizes = this.contents.map((_, at) => {
      const [columns, rows] = [at + 1, Math.ceil(count / (at + 1))];
      return Math.floor(Math.min((width - 8 * (columns - 1)) / columns, ((height - 8 * (rows - 1)) / rows - 28) * (x / y)));
    });
    const size = Math.max(...sizes, 120);
    this.panels.style.gridTemplateColumns = `repeat(${sizes.indexOf(Math.max(...sizes)) + 1}, ${size}px)`;
    const [wide, high] = [size, size * (y / x)].map((side) => Math.round(side * devicePixelRatio));
    for (const panel of this.contents) panel.resize(wide, high);
    this.view.resize(wide, high);
    this.draw();
  }

  draw() {
    for (const panel of this.contents ?? []) {
      panel.draw();
      const marked = this.asked.find((one) => "row" in one.answer)?.answer;
      if (marked) this.#cross(panel.canvas, marked.row, marked.column, "#f0e442");
      if (this.truth) this.#cross(panel.canvas, ...this.truth, "#56b4e9");
    }
  }

  #cross(canvas, row, column, colour) {
    const { view: { corner, scale, pixel }, description: { rows, upsideDown } } = this;
    const seen = upsideDown ? rows - 1 - row : row;
    const [x, y] = [corner.x + (column + 0.5) * pixel.x * scale, corner.y + (seen + 0.5) * pixel.y * scale];
    const context = canvas.getContext("2d");
    for (const [width, stroke] of [[4, "#000"], [1.5, colour]]) {
      [context.lineWidth, context.strokeStyle] = [width * devicePixelRatio, stroke];
      context.beginPath();
      context.arc(x, y, 9 * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  #flicker() {
    if (this.timer || this.state.mode !== "flicker" || this.closed) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.phase = 1 - this.phase;
      this.draw();
      this.#flicker();
    }, 500 / this.state.rate);
  }

  point(cursor) {
    this.cursor = cursor;
    this.draw();
  }
}

begin().catch((error) => say(error.message));
