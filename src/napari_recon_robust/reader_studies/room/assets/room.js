// The reading room: invitation, consent, display, and one case after the other.

const main = document.getElementById("main");
const message = document.getElementById("message");
const NOT_HERE = [403, 409]; // answers to a case that is no longer the one to be answered, such as in a second window
const REMOVE = "Delete my data";
const TOLD = "told"; // under which name this tab keeps the case whose truth is shown, until the reader goes on
const OUTSIDE = "Marks outside of the yellow square do not count. Click in the square.";
const WINDOW_KEYS = { b: [-0.05, 1], d: [0.05, 1], c: [0, 0.9], n: [0, 1 / 0.9] }; // level as a share of the width, width
const ONCE = [..."0123456789xziph", "Enter", "Backspace", "Delete"]; // keys that act once, however long they are held
const ZOOM = 1.25;
const NOTCH = 50; // CSS pixels that a wheel rolls at least for a slice
const LEAST = 120; // CSS pixels of an image
const LINE = 40; // CSS pixels, where a browser counts lines
const LONGEST = 90 * 24 * 3600e3; // milliseconds that a session holds
const HIDDEN_PIXELS = "This browser hides the pixels of your screen from pages (in Firefox privacy.resistFingerprinting does), so the images may be blurred. Switch that off and load this page again, or read in another browser.";
const ROOM_MODES = { side: "Side by side (S)", flicker: "Flicker (L)", wipe: "Wipe (V)" };

/** Ask the server; an Error has its sentence. */
async function ask(path, body, signal) {
  const request = body === undefined ? { signal } : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, { ...request, cache: "no-store", credentials: "same-origin" });
  } catch {
    throw new Error("The server cannot be reached. Try again in a moment.");
  }
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({}));
    const sentence = error ? error[0].toUpperCase() + error.slice(1) : `The server answers ${response.status}.`;
    throw Object.assign(new Error(sentence), { status: response.status });
  }
  return response;
}

const sent = async (path, body) => (await ask(path, body)).json();
const say = (...parts) => message.replaceChildren(...parts);

/** A key on the keyboard, a letter in lower case. Where it has one of another script, such as Greek, or a digit of one,
 * it is the Latin one of the same key, and so is a digit that takes Shift, as in French, unless the key moves a slider. */
function keyOf({ key, code, shiftKey }) {
  if (key.length > 1) return key;
  const other = key > "\u02ff" ? /^(Key|Digit)/ : !shiftKey && !"+-0123456789".includes(key) && /^Digit/;
  return (other && other.test(code) ? code.at(-1) : key).toLowerCase();
}

const paragraph = (part) => (typeof part === "string" ? made("p", { textContent: part }) : part);

/** A page of words with buttons: [words, what happens]; the first one is pressed by Enter. */
function words(title, parts, ...buttons) {
  current?.close();
  current = null;
  main.className = "words";
  main.replaceChildren(made("h1", { textContent: title }), ...parts.map(paragraph), buttonRow(buttons));
  main.querySelector("button.first")?.focus({ preventScroll: true }); // a long page begins with its first words
}

function buttonRow(buttons) {
  return made("div", { className: "row" }, ...buttons.map(([label, act], at) => buttonFor(label, act, at || label === REMOVE ? "" : "first")));
}

/** A button that shows that it was pressed until what it does is done, and does it once at a time. */
function buttonFor(label, act, className = "") {
  const button = made("button", { textContent: label, className });
  button.addEventListener("click", async () => {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    await act().catch((error) => say(error.message));
    button.ariaBusy = "false";
  });
  return button;
}

async function begin() {
  const token = location.hash.slice(1);
  if (token) {
    history.replaceState(null, "", "/"); // the secret leaves the address
    say("");
    words("Reader study", ["You are invited to read the cases of a study. This link works only once. To continue later, open this page again in the same browser."],
      ["Begin", () => enter(token)]);
    return;
  }
  await go();
}

/** Exchange an invitation. Where it does not hold, a reader whom this browser knows already can continue. */
async function enter(token) {
  try {
    await ask("/enter", { token });
  } catch (error) {
    const state = await sent("/state").catch(() => null);
    if (!state) throw error;
    words("Reader study", [error.message, `In this browser reader ${state.reader} takes part already.`], [`Continue as ${state.reader}`, go]);
    return;
  }
  reader = ""; // who opens an invitation knows whose it is
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
  const before = reader;
  reader = state.reader;
  if (before && before !== reader) anotherReader(before);
  else if (!state.consented) consent(state);
  else if (state.next && !state.display) display(state);
  else if (await tellAgain(state)) return;
  else if (state.next) await read(state, state.next);
  else ended(state);
}

/** Show the truth of a case for training that was shown when the page was loaded anew; whether there is one. */
async function tellAgain(state) {
  const id = sessionStorage.getItem(TOLD);
  const shown = id && await sent(`/presentation/${id}`).catch(() => null);
  if (shown?.truth) await read(state, shown);
  else sessionStorage.removeItem(TOLD); // it was left in another window
  return Boolean(shown?.truth);
}

/** An invitation of somebody else was opened in this browser, whose pages are all of that reader now. */
function anotherReader(before) {
  words(`You are reader ${reader} now`, [`The invitation of reader ${reader} was opened in this browser. All its pages belong to ${reader} since then.`,
    `If you are ${before}, do not go on here: ask for a new link and open it. Your answers are stored.`], [`Continue as ${reader}`, go]);
}

function consent({ study, reader }) {
  sessionStorage.clear(); // what somebody else left in this tab, whose answers were deleted
  words(study.title, [study.consent, `You take part under the pseudonym ${reader}. You can delete your answers at any time: press Pause.`,
    "Research only, not for diagnostic use. If you do not agree, close this page."],
    ["I agree and take part", async () => { await ask("/consent", { reader }); await go(); }]);
}

async function remove() {
  if (!confirm("This deletes all your answers. It cannot be undone. Delete them?")) return;
  try {
    await ask("/forget", { reader });
  } catch (error) {
    alert(error.message); // the line for messages is hidden in a pause
    if (NOT_HERE.includes(error.status)) await go();
    return;
  }
  sessionStorage.clear();
  words("Deleted", ["Your answers are deleted. You can close this page."]);
}

function ended({ study, wait, done, total, sitting, sittings }) {
  if (wait) {
    const date = new Date(wait).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
    words(study.title, [`You have finished sitting ${sitting - 1} of ${sittings}. Your answers are stored.`,
      `You can begin the next sitting on ${date}. Open this page again then, in this browser.`], ["Check again", go], [REMOVE, remove]);
  } else {
    words(study.title, [`You have read all cases: ${done} of ${total}. Your answers are stored. Thank you.`,
      "You can close this page."], [REMOVE, remove]);
  }
}

/** What a reader has to know before the first case; also shown by the button with the question mark. */
function howToRead({ questions, viewing, back, slices }) {
  const places = questions.some(({ kind, place }) => kind === "free-response" || (kind === "lesion" && place));
  const sliders = questions.some(({ kind }) => ["lesion", "structures", "free-response"].includes(kind));
  const sentences = [
    "Look at the images, answer the questions beside or below them, then press Next or Enter. You are not told how an image was made.",
    `Click on an answer, or press the number in front of it. The blue bar shows which question the number keys answer.${sliders ? " + and − move its slider." : ""} Press 0 if you cannot judge.`,
    viewing.region && "The yellow square shows where to look. If you are asked about lesions, only what is in it counts; marks cannot be set outside of it.",
    places && "Where you are asked for a place, click on it in the image. Without a mouse: M sets a mark in the middle, the arrow keys move it (with Shift by ten pixels).",
    questions.some(({ kind }) => kind === "free-response") && "X removes the chosen mark, Z brings back what was removed.",
    questions.some(({ reference }) => reference) && "At the end of each case you see the fully sampled image (the reference) next to it. Your earlier answers are stored before, and cannot be changed.",
    slices > 1 && "Where a case has several slices, turn them with the mouse wheel, or press K for the next and J for the one before.",
    places && slices > 1 && "A mark belongs to the slice on which it was set, and is seen on that one alone.",
    viewing.window && "Brightness and contrast: drag with the right mouse button (on a touch screen: hold one finger still, then move it), or press B for brighter, D for darker, C for more contrast, N for less. W resets them.",
    viewing.zoom && `Zoom with ${slices > 1 ? "Ctrl and " : ""}the mouse wheel, two fingers, or Page Up and Page Down. Drag the image to move it, or use the arrow keys. F shows the whole image${viewing.region ? ", R the marked region" : ""}.`,
    `Your answers are stored when you press Next. P pauses. You can close the page at any time and continue later.`,
    back && "Backspace goes back to the case before, to change its answers, until the same slice is shown once more.",
  ];
  return sentences.filter(Boolean).map((sentence) => made("li", { textContent: sentence }));
}

/** Whether a page reads of a canvas what was drawn on it, but for noise. A browser that hides it says a wrong size of the
 * screen's pixels, too, and scales each canvas. */
function tellsPixels() {
  const context = new OffscreenCanvas(16, 16).getContext("2d");
  const drawn = context.createImageData(16, 16);
  drawn.data.forEach((_, at) => { drawn.data[at] = at % 4 === 3 ? 255 : at % 251; });
  context.putImageData(drawn, 0, 0);
  const read = context.getImageData(0, 0, 16, 16).data;
  return drawn.data.every((value, at) => Math.abs(value - read[at]) <= 1);
}

/** The check of the display at the start of a sitting: no page calibrates a monitor, but it can ask. */
function display({ study, sitting, sittings }) {
  const ramp = made("div", { className: "ramp" }, ...Array.from({ length: 18 }, () => made("i")));
  const patches = made("div", {}, made("span", { className: "patch black" }, made("i")),
    made("span", { className: "patch white" }, made("i")));
  const faint = made("p", { className: "faint", textContent: "low contrast" });
  const asked = {
    "5% in black": "I see the small square in the black field", "95% in white": "I see the small square in the white field",
    "18 steps": "I see 18 different greys in the bar", "faint words": "I can read the words in the frame",
  };
  const boxes = Object.entries(asked).map(([name, label]) => made("label", { className: "row tight ticked" }, made("input", { type: "checkbox", name }), label));
  const fields = [["light", "Light in the room", "dark, dim or bright"], ["distance", "Distance of your eyes, cm", "60"], ["calibrated", "Display last calibrated", "date, or not known"]]
    .map(([name, label, placeholder]) => made("label", { className: "row tight" }, made("span", { className: "named", textContent: label }), made("input", { name, placeholder, maxLength: 80 })));
  const number = sittings > 1 ? `Sitting ${sitting} of ${sittings}: ` : "";
  const told = tellsPixels();
  words(`${number}Check the display`, [...(told ? [] : [made("p", { className: "note", textContent: HIDDEN_PIXELS })]),
    "Look at the patterns on the display on which you will read, and tick what you can see. These answers are stored with your readings. You can take part whatever you tick.",
    ramp, patches, faint, ...boxes, ...fields,
    "Flicker shows images in turn, four in a second. Do not use it if you are sensitive to flashing light."],
  ["Continue", async () => {
    const findings = Object.fromEntries([...main.querySelectorAll("input")].map((input) =>
      [input.name, input.type === "checkbox" ? input.checked : input.value]));
    Object.assign(findings, { pixels: `${screen.width}x${screen.height}`, ratio: devicePixelRatio, bits: screen.colorDepth, ...(!told && { browser: "hides the pixels of the screen" }) });
    await ask("/display", { reader, ...findings });
    words("How to read", [made("ul", {}, ...howToRead(study))], ["Start reading", go]);
  }]);
}

async function read(state, shown) {
  let values;
  try {
    values = await load(shown);
  } catch (error) {
    words(state.study.title, [error.message], ["Try again", go]);
    return;
  }
  const before = current;
  before?.close();
  current = new Reading(state, shown, values, before?.shown.id === shown.id ? before : null);
  const ahead = state.next?.id === shown.id ? state.ahead : state.next;
  loadAhead(shown, ahead).catch(() => {}); // it is said where the images are needed
}

/** The images of a case, each asked for once unless that fails. bytes: how many have arrived of each, by its name. */
class Images {
  constructor({ id, slices, rows, columns }) {
    [this.id, this.pixels] = [id, slices * rows * columns];
    [this.bytes, this.asked, this.stop] = [{}, {}, new AbortController()];
  }

  /** An image by its name, a promise. */
  get(name) {
    this.asked[name] ??= this.#received(name).catch((error) => { delete this.asked[name]; throw error; });
    return this.asked[name];
  }

  async #received(name) {
    this.bytes[name] = 0;
    const response = await ask(`/image/${this.id}/${name}`, undefined, this.stop.signal);
    const parts = [];
    try {
      for (const stream = response.body.getReader(); ;) {
        const { done, value } = await stream.read();
        if (done) return new Float32Array(await new Blob(parts).arrayBuffer(), 0, this.pixels);
        parts.push(value);
        this.bytes[name] += value.length;
      }
    } catch {
      throw new Error("The connection broke while the images were loading. Try again; what has arrived is kept.");
    }
  }

  /** The share of some images that has arrived. */
  share(names) {
    return names.reduce((sum, name) => sum + (this.bytes[name] ?? 0), 0) / (4 * this.pixels * names.length);
  }
}

/** The names of the images of a step. */
const namesOf = ({ reference, images }) => [...(reference ? ["reference"] : []), ...images.map((_, at) => String(at))];

/** The images of a case, also those that have arrived already. */
function imagesOf(shown) {
  loaded[shown.id] ??= new Images(shown);
  return loaded[shown.id];
}

/** The images of a step by their names. Those that have arrived stay, for the next step of the case or another try. */
async function load(shown) {
  const [images, names] = [imagesOf(shown), namesOf(shown)];
  const tell = setInterval(() => say(`The images are loading: ${Math.floor(100 * images.share(names))}%.`), 1000);
  const tries = await Promise.allSettled(names.map((name) => images.get(name)));
  clearInterval(tell);
  say("");
  for (const { reason } of tries) if (reason) throw reason;
  return Object.fromEntries(names.map((name, at) => [name, tries[at].value]));
}

/** Load what comes after the case that is shown, one image at a time, so that an answer need not wait; drop all others. */
async function loadAhead(shown, ahead) {
  for (const [id, images] of Object.entries(loaded)) {
    if (id === shown.id || id === ahead?.id) continue;
    images.stop.abort();
    delete loaded[id];
  }
  if (!ahead) return;
  const images = imagesOf(ahead);
  for (const name of namesOf(ahead)) await images.get(name);
}

let current = null;
const loaded = {}; // the images of the case that is shown, and of the one that comes next, by their ids
let reader = ""; // whose page this is

// The images move up by the height of what is said, and none is hidden.
new ResizeObserver(() => main.style.setProperty("--said", `${message.getBoundingClientRect().height}px`)).observe(message);

/** The clock of a case: of one with a draft it goes on, and the time in between counts as hidden. seen: for how long
 * each slice was shown. */
function clock({ slices }, draft) {
  if (!draft) return { shown: performance.now(), hidden: 0, seen: new Array(slices).fill(0) };
  const { times: { shown, first, hidden, seen }, since, origin } = draft;
  const now = performance.now();
  // A page that was loaded anew counts from then, by the machine's clock, which may have been set meanwhile.
  const later = clamped(performance.timeOrigin - origin, since - now, LONGEST);
  return { shown: shown - later, first: first && first - later, hidden: hidden + now + later - since, seen };
}

/** One step of a case: its images as the viewer of reports shows them, its questions, and the clock. before: the step
 * before of the same case, whose view and clock go on. */
class Reading {
  constructor(state, shown, values, before) {
    this.study = state.study;
    this.place = state;
    this.shown = shown;
    this.told = Boolean(shown.truth); // whether only the view changes, beside the truth, until the reader goes on
    this.description = { ...shown, results: [] };
    const pixels = shown.rows * shown.columns;
    const slices = Object.entries(values).flatMap(([name, all]) => Array.from({ length: shown.slices }, (_, at) =>
      [`${name}/${at}`, all.subarray(at * pixels, (at + 1) * pixels)]));
    this.pictures = new Pictures(this.description, Object.fromEntries(slices));
    this.view = new View(this.description);
    if (!this.study.viewing.zoom) this.view.zoom = this.view.move = () => {};
    const title = { reference: "Reference", ...shown.images.map(titled) };
    this.images = Object.keys(values).map((name) => ({ name, title: title[name], words: "", marks: [] }));
    this.images.sort((a, b) => (b.name === "reference") - (a.name === "reference") || a.name - b.name);
    const { modes } = this.study.viewing;
    this.state = {
      mode: "side", slice: 0, window: { ...shown.window }, wipe: 0.5, rate: 2, held: false,
      smooth: false, signed: true, outline: Boolean(shown.region), a: null, b: null,
    };
    this.compared = shown.images.length > 1 ? shown.images.map((_, at) => String(at)) : this.images.map(({ name }) => name);
    const possible = { side: true, flicker: this.compared.length > 1, wipe: this.compared.length === 2 };
    this.modes = ["side", "flicker", "wipe"].filter((mode) => possible[mode] && (mode === "side" || modes.includes(mode)));
    [this.phase, this.timer, this.cursor] = [0, null, null];
    const draft = JSON.parse(sessionStorage.getItem(this.#draft));
    [this.sending, this.times, this.rolled] = [false, before?.times ?? clock(shown, draft), 0];
    if (before) this.#goOn(before);
    if (shown.region) this.outline = this.#square(shown.region);
    this.#build();
    this.#name();
    if (draft) this.turn(draft.slice);
    if (draft || Object.keys(shown.given).length) this.#restore(draft ?? { answers: shown.given, comment: shown.given.comment?.text ?? "" });
    this.set({});
    this.#listen();
    if (this.told) this.#tell(shown.truth);
    this.#keep();
  }

  #goOn({ state: { window, smooth, slice }, view: { kind, box, centre, scale } }) {
    Object.assign(this.state, { window, smooth, slice });
    Object.assign(this.view, { kind, box, centre, scale });
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
    const { questions: ids, images, step, steps, training } = this.shown;
    const questions = this.study.questions.filter(({ id }) => ids.includes(id));
    const reading = this;
    const slices = { count: this.shown.slices, get at() { return reading.state.slice; }, turn: (at) => this.turn(at) };
    this.asked = questions.map((question) => new Asked(question, images, slices, () => { say(""); this.#answered(); }));
    this.title = this.#where(this.place.next);
    this.last = step === steps - 1;
    this.panels = made("div", { className: this.marking ? "panels marking" : "panels" });
    this.bar = made("div", { className: "bar" });
    for (const mode of this.modes.length > 1 ? this.modes : []) this.#button(ROOM_MODES[mode], () => this.set({ mode }), mode);
    if (this.study.viewing.window) this.#button("Reset window (W)", () => this.set({ window: { ...this.shown.window } }));
    if (this.study.viewing.smoothing) this.#button("Smooth (I)", () => this.set({ smooth: !this.state.smooth }), "smooth");
    if (this.study.viewing.zoom) this.#button("Fit (F)", () => { this.view.set("fit"); this.draw(); });
    if (this.study.viewing.zoom && this.shown.region) this.#button("Region (R)", () => this.region());
    if (this.shown.slices > 1) this.bar.append(this.#sliceBar());
    this.comment = made("textarea", { maxLength: 4000, ariaLabel: "Comment", placeholder: "Comment" });
    this.comment.addEventListener("input", () => this.#answered());
    this.next = made("button", { className: "first", textContent: "Next (Enter)", disabled: true });
    this.next.addEventListener("click", () => this.send());
    const back = made("button", { textContent: "Back" });
    back.addEventListener("click", () => this.back());
    const pause = made("button", { textContent: "Pause" });
    pause.addEventListener("click", () => this.pause());
    const help = made("button", { textContent: "?", className: "help", title: "How to read (H)", ariaLabel: "How to read" });
    help.addEventListener("click", () => this.help());
    const { done, total } = this.place;
    const form = made("form", { className: "form" },
      made("div", {}, made("div", { className: "quiet where" }, made("h1", { textContent: this.title }), help),
        made("progress", { max: total, value: done, ariaLabel: `${done} of ${total} cases read` })),
      this.questions = made("div", { className: "questions" },
        ...(step && !training ? [made("p", { className: "note", textContent: "Your answers so far are stored. Now compare with the reference." })] : []),
        ...this.asked.map((one) => one.field), ...(this.last ? [this.comment] : [])),
      made("div", { className: "end" }, ...(this.shown.before ? [back] : []), pause, this.next));
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const button of form.querySelectorAll("button")) button.type = "button";
    main.className = "reading";
    main.replaceChildren(made("section", { className: "stage" }, this.bar, this.panels), form);
    for (const one of this.asked) one.show();
    this.#current.field.classList.add("asked");
  }

  /** Which case this is, in words. */
  #where(next) {
    const { done, total, sitting, sittings } = this.place;
    const part = this.shown.steps > 1 ? `, part ${this.shown.step + 1} of ${this.shown.steps}` : "";
    const before = `${this.place.reader} · ${sittings > 1 ? `Sitting ${sitting} of ${sittings} · ` : ""}`;
    if (this.shown.training) return `${before}Training case: your answer does not count${part}`;
    return next?.id === this.shown.id ? `${before}Case ${done + 1} of ${total}${part}` : `${before}An earlier case: change your answers${part}`;
  }

  #button(label, act, name = "") {
    const button = made("button", { type: "button", textContent: label });
    button.dataset.name = name;
    button.addEventListener("click", act);
    leaveToKeys(button);
    this.bar.append(button);
  }

  /** Which slice is shown, in words and as a slider. */
  #sliceBar() {
    const { slices } = this.shown;
    this.slider = made("input", { type: "range", min: 1, max: slices, ariaLabel: "Slice", title: "J and K, or the mouse wheel" });
    this.slider.addEventListener("input", () => this.turn(this.slider.valueAsNumber - 1));
    this.slider.addEventListener("pointerup", () => this.slider.blur()); // arrows move the mark again
    this.where = made("output");
    return made("label", { className: "slices" }, this.slider, this.where, made("span", { className: "quiet", textContent: "(J, K)" }));
  }

  /** Show what was answered before, or not sent yet. */
  #restore({ answers, comment }) {
    for (const one of this.asked) if (one.question.id in answers) one.restore(answers[one.question.id]);
    this.comment.value = comment;
    this.#follow();
  }

  /** Under which name this tab keeps what was not sent yet, of this step and of who agreed to take part then. */
  get #draft() {
    const { place: { consented }, shown: { id, step, revision } } = this;
    return `draft ${[consented, id, step, revision]}`;
  }

  /** Keep in this tab what was not sent yet, with the time that it took so far; what comes later is hidden until then. */
  #keep() {
    if (this.settled) return;
    const since = this.away ?? performance.now();
    this.#leave(since);
    const { asked, times, comment: { value: comment }, state: { slice } } = this;
    const answers = Object.fromEntries(asked.map((one) => [one.question.id, one.answer]));
    const clock = { times, since, origin: performance.timeOrigin };
    sessionStorage.setItem(this.#draft, JSON.stringify({ answers, comment, slice, ...clock }));
  }

  #listen() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    addEventListener("keydown", (event) => this.press(event), { signal });
    addEventListener("resize", () => this.#fit(), { signal });
    document.addEventListener("visibilitychange", () => { this.#watch(); this.#keep(); }, { signal });
    addEventListener("pagehide", () => this.#keep(), { signal });
    this.seen = new ResizeObserver(() => this.#fit());
    this.seen.observe(this.panels.parentElement);
  }

  close() {
    this.uncover?.();
    this.stop.abort();
    this.seen.disconnect();
    clearTimeout(this.timer);
    this.closed = true;
  }

  // ---------------------------------------------------------------- the clock

  /** Stop the clock as long as the page is not seen or the case is covered. */
  #watch() {
    if (document.hidden || main.hidden) this.away ??= performance.now();
    else if (this.away !== undefined) {
      this.times.hidden += performance.now() - this.away;
      this.away = undefined;
    }
  }

  /** The slice was shown until now; whatever time of the case was no other's is its own. */
  #leave(now = performance.now()) {
    const { times: { shown, hidden, seen }, state: { slice } } = this;
    seen[slice] += now - shown - hidden - seen.reduce((sum, time) => sum + time, 0);
  }

  pause() {
    this.#cover("p", "Paused", ["The case is hidden and its time is not counted. Your answers are kept."], [REMOVE, remove]);
  }

  help() {
    this.#cover("h", "How to read", [made("ul", {}, ...howToRead(this.study))]);
  }

  /** Hide the case and stop the clock until the reader goes on, by the button or by the same key again. */
  #cover(key, title, parts, ...buttons) {
    const cover = made("main", { className: "words" }, made("h1", { textContent: title }), ...parts.map(paragraph));
    this.uncover = () => { cover.remove(); main.hidden = false; };
    const goOn = async () => { this.uncover(); this.#watch(); this.#fit(); };
    this.covered = { key, goOn };
    cover.append(buttonRow([[`Continue (Enter or ${key.toUpperCase()})`, goOn], ...buttons]));
    main.hidden = true;
    this.#watch();
    main.before(cover);
    cover.querySelector("button.first").focus();
  }

  // ---------------------------------------------------------------- answers

  #answered() {
    this.times.first ??= performance.now();
    this.#keep();
    this.#follow();
  }

  /** Show what is answered, and what is asked next. */
  #follow() {
    this.panels.classList.toggle("marking", Boolean(this.marking));
    this.next.disabled = this.sending || (!this.told && this.asked.some((one) => one.value === null));
    this.next.textContent = this.sending ? "Loading…" : this.told ? "Continue (Enter)" : "Next (Enter)";
    this.questions.inert = this.settled;
    for (const one of this.asked) one.field.classList.toggle("asked", one === this.#current);
    const { field } = this.#current;
    if (document.activeElement !== this.comment) (field.querySelector(".chosen") ?? field).scrollIntoView({ block: "nearest" });
    this.draw();
  }

  /** Whether what is on the screen was sent, or is under way, so that it stays as it was answered. */
  get settled() {
    return this.sending || this.told;
  }

  /** The question that keys answer: the first that has no answer, else the last. */
  get #current() {
    return this.asked.find((one) => one.value === null) ?? this.asked.at(-1);
  }

  get #context() {
    const { state: { window: { low, high }, mode, smooth, slice }, times, shown } = this;
    const now = performance.now();
    this.#leave(now);
    return {
      ...(shown.slices > 1 && { slice, seen: times.seen }),
      shown: times.shown, first_action: times.first, answered: now, hidden: times.hidden,
      low, high, mode, smooth, zoom: this.view.scale / this.view.fitting,
    };
  }

  /** Send the answers; they stay on the screen until the server has confirmed them. */
  async send() {
    if (this.sending) return;
    const waiting = this.told ? undefined : this.asked.find((one) => one.value === null);
    if (waiting) {
      say(`“${waiting.question.text}” is not answered in full yet. Answer it, or press 0 if you cannot judge.`);
      return;
    }
    this.sending = true;
    if (this.told) {
      this.#follow();
      sessionStorage.removeItem(TOLD);
      await go();
      return;
    }
    this.#answered();
    try {
      const { truth } = await sent("/answer", {
        reader: this.place.reader, presentation: this.shown.id, revision: this.shown.revision, context: this.#context, comment: this.comment.value,
        answers: Object.fromEntries(this.asked.map((one) => [one.question.id, one.value])),
      });
      sessionStorage.removeItem(this.#draft);
      if (truth) this.#tell(truth);
      else await go();
    } catch (error) {
      this.sending = false;
      this.#answered();
      if (NOT_HERE.includes(error.status)) say(`${error.message} `, buttonFor("Load the page again", go));
      else say(`${error.message} Your answer is still here.`);
    }
  }

  /** What a case for training shows, before the next one comes. */
  #tell({ lesion, places }) {
    sessionStorage.setItem(TOLD, this.shown.id);
    [this.told, this.sending] = [true, false];
    this.truth = places.map(([row, column, slice = 0]) => ({ row, column, slice })); // older studies have no slice
    if (places.length && !this.truth.some(({ slice }) => slice === this.state.slice)) this.turn(this.truth[0].slice);
    const there = places.length ? "The truth: there is a lesion in this case; it is marked in blue." : "The truth: there is a lesion in this case.";
    const sentence = { true: there, false: "The truth: there is no lesion in this case." }[lesion];
    say(sentence ?? "The truth of this case is not known.");
    this.#follow();
  }

  async back() {
    if (this.settled) return;
    if (!this.shown.before) {
      say(this.study.back ? "There is no case before that can still be changed." : "In this study answers cannot be changed.");
      return;
    }
    try {
      const shown = await sent(`/presentation/${this.shown.before}`);
      this.#keep();
      await read(this.place, shown);
    } catch (error) {
      say(error.message);
    }
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    const onButton = event.target.tagName === "BUTTON"; // which Enter presses by itself
    if (main.hidden) {
      if (key === this.covered.key || (key === "Enter" && !onButton)) this.covered.goOn();
    } else if (event.target !== this.comment && !(key === "Enter" && onButton)) this.#press(key, event);
  }

  #press(key, event) {
    const { viewing } = this.study;
    const acts = {
      Enter: () => this.send(), s: () => this.#mode("side"), l: () => this.#mode("flicker"), v: () => this.#mode("wipe"),
      f: () => { this.view.set("fit"); this.draw(); }, r: () => this.region(), p: () => this.pause(), h: () => this.help(), Backspace: () => this.back(),
      m: () => this.#markMiddle(), x: () => this.marking?.takeAway(), Delete: () => this.marking?.takeAway(),
      z: () => this.marking?.bringBack(), j: () => this.turn(this.state.slice - 1), k: () => this.turn(this.state.slice + 1),
    };
    const [right, down] = ARROWS[key] ?? [0, 0];
    if (key in ARROWS) acts[key] = () => this.#arrow(-down, -right, event.shiftKey ? 10 : 1);
    if (viewing.window) {
      acts.w = () => this.set({ window: { ...this.shown.window } });
      for (const [key, [level, width]] of Object.entries(WINDOW_KEYS)) acts[key] = () => this.#turn(level, width);
    }
    if (viewing.zoom) {
      acts.PageUp = () => this.#zoom(ZOOM);
      acts.PageDown = () => this.#zoom(1 / ZOOM);
    }
    if (viewing.smoothing) acts.i = () => this.set({ smooth: !this.state.smooth });
    if (key === "Tab" || (key.startsWith("Arrow") && event.target.tagName === "INPUT")) return;
    if (key in acts) acts[key]();
    else if (this.settled || (!this.#current.press(key) && !this.#pressBefore(key))) return;
    event.preventDefault();
  }

  /** A slider that was moved once is done, and still moved by keys until another one is open. */
  #pressBefore(key) {
    const before = this.asked.slice(0, this.asked.indexOf(this.#current)).reverse();
    return "+=-".includes(key) && before.some((one) => one.press(key));
  }

  /** The square in which to look, with its surroundings. */
  region() {
    if (!this.shown.region || !this.study.viewing.zoom) return;
    this.view.set("region", this.view.boxOf(...this.shown.region));
    this.draw();
  }

  #mode(mode) {
    if (this.modes.includes(mode)) this.set({ mode });
  }

  /** Arrows move the mark, which stays in sight; where there is none, the wipe or what is seen of the image. */
  #arrow(down, right, by) {
    const { marking, view, view: { screen } } = this;
    if (marking?.chosen) {
      const [[y1, y2], [x1, x2]] = this.description.turn;
      marking.move(by * (y1 * down + x1 * right), by * (y2 * down + x2 * right), this.#lookedAt);
      const { x, y } = this.#onScreen(marking.chosen);
      view.move(clamped(x, 0.1 * screen.x, 0.9 * screen.x) - x, clamped(y, 0.1 * screen.y, 0.9 * screen.y) - y);
    } else if (this.state.mode === "wipe") this.set({ wipe: clamped(this.state.wipe + 0.02 * right, 0, 1) });
    else view.move(-0.05 * right * screen.x, -0.05 * down * screen.y);
    this.draw();
  }

  /** Zoom by a key: the mark keeps its place, or else the middle. */
  #zoom(factor) {
    const { marking, view } = this;
    view.zoom(factor, marking?.chosen ? this.#onScreen(marking.chosen) : { x: view.screen.x / 2, y: view.screen.y / 2 });
    this.draw();
  }

  /** Move the middle of the window by a share of its width, and widen it by a factor. */
  #turn(level, factor) {
    const { low, high } = this.state.window;
    const [middle, half] = [(low + high) / 2 + level * (high - low), factor * (high - low) / 2];
    this.setWindow(middle - half, middle + half);
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

  /** Show another slice of all images, in the same view and window; beyond the ends there is none. */
  turn(slice) {
    const next = clamped(slice, 0, this.shown.slices - 1);
    if (next === this.state.slice) return;
    this.#leave();
    for (const one of this.asked) one.selected = -1;
    this.state.slice = next;
    this.#name();
    for (const one of this.asked) one.show();
    this.draw();
  }

  /** Let names stand for the images of the slice that is shown, and say which it is. */
  #name() {
    const { shown: { slices }, state: { slice }, slider } = this;
    for (const image of this.images) image.id = `${image.name}/${slice}`;
    if (!slider) return;
    slider.value = slice + 1;
    slider.ariaValueText = `${slice + 1} of ${slices}`;
    this.where.textContent = `Slice ${slider.ariaValueText}`;
  }

  /** The wheel turns slices; with Ctrl it zooms, as it does where there is one slice. */
  #roll(event) {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return;
    event.stopImmediatePropagation();
    const by = event.deltaY * (event.deltaMode ? LINE : 1);
    this.rolled = Math.abs(by) < NOTCH ? this.rolled + by : by; // a notch is a slice, however far it goes
    if (Math.abs(this.rolled) < NOTCH) return;
    this.turn(this.state.slice + Math.sign(this.rolled));
    this.rolled = 0;
  }

  setWindow(low, high) {
    if (this.study.viewing.window) this.set({ window: { low, high: Math.max(high, low + 1e-3 * this.description.maximum) } });
  }

  get #contents() {
    const names = this.images.map((image) => image.name);
    if (this.state.mode === "side") return names.map((name) => ({ images: [name] }));
    const beside = names.filter((name) => !this.compared.includes(name));
    return [...beside.map((name) => ({ images: [name] })), { images: this.compared, [this.state.mode]: true }];
  }

  /** A press without a drag marks the place of a lesion. */
  #listenTo(canvas) {
    if (this.shown.slices > 1) canvas.addEventListener("wheel", (event) => this.#roll(event), { passive: false });
    listenToTouch(this, canvas, (event) => this.#mark(canvas, event));
    listenToMouse(this, canvas);
    let from = null;
    canvas.addEventListener("pointerdown", (event) => { from = event.button === 0 ? [event.clientX, event.clientY] : null; });
    canvas.addEventListener("pointermove", (event) => {
      if (from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 4) from = null;
    });
    canvas.addEventListener("pointerup", (event) => { if (from) this.#mark(canvas, event); });
  }

  #mark(canvas, event) {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    const at = this.view.stored({ x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale });
    const [row, column] = [at.row - 0.5, at.column - 0.5]; // the centres of pixels are at whole numbers
    const { rows, columns } = this.description;
    if (row < -0.5 || column < -0.5 || row >= rows - 0.5 || column >= columns - 0.5) return;
    if (!this.marking) return;
    const [top, left, height, width] = this.#lookedAt.map((edge, at) => (at < 2 ? edge - 0.5 : edge));
    const inside = row >= top && row < top + height && column >= left && column < left + width;
    say(inside ? "" : OUTSIDE);
    if (inside) this.marking.mark(row, column);
  }

  /** Where marks count, as row, column, height and width: in the square, or without one in the whole image. */
  get #lookedAt() {
    const { region, rows, columns } = this.shown;
    return region ?? [0, 0, rows, columns];
  }

  /** The question that a click on the image answers. */
  get marking() {
    return this.settled ? undefined : this.asked.find((one) => one.marks);
  }

  /** Mark the middle of the square in which to look, or of the image; arrows move the mark from there. */
  #markMiddle() {
    const [top, left, height, width] = this.#lookedAt;
    this.marking?.mark(top + (height - 1) / 2, left + (width - 1) / 2);
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
    const best = Math.max(...sizes);
    const size = Math.max(best, Math.min(LEAST, width));
    this.panels.classList.toggle("scrolled", best < LEAST);
    const across = best < LEAST ? Math.max(Math.floor((width + 8) / (size + 8)), 1) : sizes.indexOf(best) + 1;
    this.panels.style.gridTemplateColumns = `repeat(${across}, ${size}px)`;
    const [wide, high] = [size, size * (y / x)].map((side) => Math.round(side * devicePixelRatio));
    for (const panel of this.contents) panel.resize(wide, high);
    this.view.resize(wide, high);
    this.draw();
  }

  draw() {
    for (const panel of this.contents ?? []) {
      panel.draw();
      for (const asked of this.asked) {
        asked.places.forEach((place, at) => {
          if (asked.isHere(place)) this.#ring(panel.canvas, place, "#f0e442", asked.list && at + 1, at === asked.selected);
        });
      }
      for (const place of this.truth ?? []) if (place.slice === this.state.slice) this.#ring(panel.canvas, place, "#56b4e9");
    }
  }

  /** Where a pixel is on the canvas. */
  #onScreen({ row, column }) {
    return this.view.onScreen.transformPoint({ x: column + 0.5, y: row + 0.5 });
  }

  /** number: beside it. chosen: drawn thicker. */
  #ring(canvas, place, colour, number = "", chosen = false) {
    const { x, y } = this.#onScreen(place);
    const context = canvas.getContext("2d");
    const thick = chosen ? 1.5 : 0;
    context.font = `600 ${13 * devicePixelRatio}px system-ui, sans-serif`;
    for (const [width, stroke] of [[4 + thick, "#000"], [1.5 + thick, colour]]) {
      [context.lineWidth, context.strokeStyle] = [width * devicePixelRatio, stroke];
      context.beginPath();
      context.arc(x, y, 9 * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
      if (number && stroke === "#000") context.strokeText(number, x + 11 * devicePixelRatio, y - 7 * devicePixelRatio);
    }
    context.fillStyle = colour;
    if (number) context.fillText(number, x + 11 * devicePixelRatio, y - 7 * devicePixelRatio);
  }

  #flicker() {
    if (this.timer || this.state.mode !== "flicker" || this.closed) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.phase = (this.phase + 1) % this.compared.length;
      this.draw();
      this.#flicker();
    }, 500 / this.state.rate);
  }

  point(cursor) {
    this.cursor = cursor;
    this.draw();
  }
}

// A key that is held would answer the next questions too, take away several marks, or go through a page that nobody read.
addEventListener("keydown", (event) => {
  if (!event.repeat || !ONCE.includes(keyOf(event)) || event.target.matches?.("textarea, input:not([type])")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

// An invitation that is opened where the page is open already changes the address alone.
addEventListener("hashchange", () => { if (location.hash) begin().catch((error) => say(error.message)); });
begin().catch((error) => say(error.message));
