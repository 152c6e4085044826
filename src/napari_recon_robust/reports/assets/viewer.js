// One case: its state, its controls and its panels.

const GAP = 8; // between panels, as in the style sheet

class Viewer {
  constructor(article) {
    this.article = article;
    this.root = article.querySelector(".viewer");
    this.panels = this.root.querySelector(".panels");
    this.description = JSON.parse(this.root.querySelector(".description").textContent);
    this.view = new View(this.description);
    this.outlines = this.description.results.map((result) => new Path2D(result.outline));
    this.state = {
      mode: "side", result: Number(this.#one("[data-result]")?.value ?? 0),
      a: this.description.pair[0], b: this.description.pair[1], beside: this.description.beside,
      window: { ...this.description.window }, signed: true, factor: 0, wipe: 0.5,
      rate: 2, playing: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      outline: true, smooth: false, held: false,
    };
    this.shown = [];
    [this.phase, this.timer] = [0, null]; // which image flickers now, and what turns to the other
    this.cursor = null;
    this.#fillImages();
    this.#listen();
  }

  #one(selector) {
    return this.root.querySelector(selector);
  }

  // ---------------------------------------------------------------- images

  /** Unpack the images when the case is first looked at. */
  async open() {
    if (this.pictures) return this.#resize();
    try {
      const ids = this.description.images.map((image) => image.id);
      const values = await Promise.all(ids.map(unpacked));
      this.pictures = new Pictures(this.description, Object.fromEntries(ids.map((id, at) => [id, values[at]])));
    } catch (error) {
      this.panels.textContent = `This browser cannot unpack the images (${error.message}); open the report in a newer one.`;
      return;
    }
    this.set({});
    this.root.dataset.ready = "true";
  }

  /** The images at the budget that is looked at. */
  get images() {
    return this.description.images.filter((image) => image.result === null || image.result === this.state.result);
  }

  image(name) {
    return this.images.find((image) => image.name === name);
  }

  get outline() {
    return this.outlines[this.state.result];
  }

  /** The difference that has full colour, in the scan's units, and the factor that it comes from. */
  full(a, b) {
    const white = this.description.window.high - this.description.window.low;
    const factor = this.state.factor || this.pictures.factor(a, b, white);
    return { factor, value: white / factor };
  }

  // ---------------------------------------------------------------- state

  /** Change the state, and show it in the controls and the panels. */
  set(changes) {
    Object.assign(this.state, changes);
    if ("result" in changes) this.#fillImages();
    this.#showState();
    if (this.pictures) this.#arrange();
  }

  setWindow(low, high) {
    const least = 1e-3 * this.description.maximum;
    this.set({ window: { low, high: Math.max(high, low + least) } });
  }

  preset(name) {
    const { low, high } = name === "reset" ? this.description.window : this.description.presets[name];
    this.setWindow(low, high);
  }

  zoom(kind) {
    const { row, column, height, width } = this.description.results[this.state.result].box;
    this.view.set(kind, this.view.boxOf(row, column, height, width));
    this.draw();
  }

  #fillImages() {
    for (const select of this.root.querySelectorAll("[data-image]")) {
      const none = select.dataset.image === "beside" ? [new Option("nothing", "")] : [];
      select.replaceChildren(...this.images.map((image) => new Option(image.title, image.name)), ...none);
    }
  }

  #showState() {
    const { mode, rate, playing, outline, smooth, signed, factor, wipe, result, window: { low, high } } = this.state;
    const { maximum } = this.description;
    const all = (selector) => this.root.querySelectorAll(selector);
    for (const button of all("[data-mode]")) button.ariaPressed = String(button.dataset.mode === mode);
    for (const group of all("[data-for]")) group.hidden = !group.dataset.for.split(" ").includes(mode);
    for (const select of all("[data-image]")) select.value = this.state[select.dataset.image];
    for (const [name, on] of Object.entries({ play: playing, outline, smooth })) {
      this.#one(`[data-${name}]`).ariaPressed = String(on);
    }
    const values = {
      result, rate, factor, wipe: 100 * wipe, signed: signed ? "signed" : "absolute",
      level: ((low + high) / 2 / maximum).toFixed(3), width: ((high - low) / maximum).toFixed(3),
    };
    for (const [name, value] of Object.entries(values)) {
      const control = this.#one(`[data-${name}]`);
      if (control && (control.type !== "number" || control !== document.activeElement)) control.value = value;
    }
    this.#one("[data-rate-words]").textContent = `${rate} Hz`;
    this.panels.classList.toggle("wiping", mode === "wipe");
  }

  #listen() {
    const on = (selector, event, act) => {
      for (const element of this.root.querySelectorAll(selector)) element.addEventListener(event, () => act(element));
    };
    on("[data-mode]", "click", ({ dataset }) => this.set({ mode: dataset.mode }));
    on("[data-preset]", "click", ({ dataset }) => this.preset(dataset.preset));
    on("[data-zoom]", "click", ({ dataset }) => this.zoom(dataset.zoom));
    on("[data-image]", "change", ({ dataset, value }) => this.set({ [dataset.image]: value }));
    on("[data-result]", "change", ({ value }) => this.set({ result: Number(value) }));
    on("[data-signed]", "change", ({ value }) => this.set({ signed: value === "signed" }));
    on("[data-factor]", "change", ({ value }) => this.set({ factor: Number(value) }));
    on("[data-rate]", "input", ({ value }) => this.set({ rate: Number(value) }));
    on("[data-wipe]", "input", ({ value }) => this.set({ wipe: value / 100 }));
    on("[data-play]", "click", () => this.set({ playing: !this.state.playing }));
    on("[data-outline]", "click", () => this.set({ outline: !this.state.outline }));
    on("[data-smooth]", "click", () => this.set({ smooth: !this.state.smooth }));
    on("[data-level], [data-width]", "change", () => {
      const [level, width] = ["level", "width"].map((name) => this.#one(`[data-${name}]`).value * this.description.maximum);
      this.setWindow(level - width / 2, level + width / 2);
    });
    new ResizeObserver(() => this.#resize()).observe(this.root);
    addEventListener("resize", () => this.#resize());
  }

  // ---------------------------------------------------------------- panels

  /** What the panels are to show in this mode. */
  get #contents() {
    const { a, b, mode } = this.state;
    const beside = this.state.beside && ![a, b].includes(this.state.beside) ? [{ images: [this.state.beside] }] : [];
    const difference = { difference: true, images: [a, b] };
    if (a === b) return [...beside, { images: [a] }];
    if (mode === "difference") return [...beside, difference];
    if (mode === "side") return [...beside, { images: [a] }, { images: [b], held: [a] }, difference];
    return [...beside, { images: [a, b], [mode]: true }];
  }

  /** Make the panels anew if what they say has changed, and draw them. */
  #arrange() {
    const { a, b, beside, mode, result, signed, factor, held, smooth } = this.state;
    const said = [a, b, beside, mode, result, signed, factor, held, smooth].join();
    if (said !== this.said) {
      this.said = said;
      this.shown = this.#contents.map((content) => new Panel(this, content));
      this.panels.replaceChildren(...this.shown.map((panel) => panel.figure));
      for (const { canvas } of this.shown) listenToMouse(this, canvas);
      this.#fit();
    }
    this.draw();
    this.#flicker();
  }

  #resize() {
    if (!this.pictures || this.article.hidden) return;
    this.#fit();
    this.draw();
    this.#flicker();
  }

  /** As many columns as make the panels largest in the window. */
  #fit() {
    const width = this.panels.clientWidth;
    const top = this.panels.getBoundingClientRect().top + scrollY;
    const height = Math.max(innerHeight - top - 34, 0.65 * innerHeight); // below a tall bar the page scrolls
    const { x, y } = this.view.size;
    const sizes = this.shown.map((_, at) => {
      const columns = at + 1;
      const rows = Math.ceil(this.shown.length / columns);
      const wide = (width - GAP * (columns - 1)) / columns;
      const caption = wide < 430 ? 46 : 28;
      return Math.floor(Math.min(wide, ((height - GAP * (rows - 1)) / rows - caption) * (x / y)));
    });
    const largest = Math.max(...sizes);
    const size = Math.max(largest, 120);
    this.panels.style.gridTemplateColumns = `repeat(${sizes.indexOf(largest) + 1}, ${size}px)`;
    const [wide, high] = [size, size * (y / x)].map((side) => Math.round(side * devicePixelRatio));
    for (const panel of this.shown) panel.resize(wide, high);
    this.view.resize(wide, high);
  }

  draw() {
    for (const panel of this.shown) panel.draw();
  }

  get #flickers() {
    return this.state.mode === "flicker" && this.state.playing && !this.article.hidden;
  }

  /** Each image for half a period, while the case is looked at. */
  #flicker() {
    if (this.timer || !this.#flickers) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      if (!this.#flickers) return;
      this.phase = 1 - this.phase;
      this.draw();
      this.#flicker();
    }, 500 / this.state.rate);
  }

  /** Read all images at the mouse, which stands on a canvas at (x, y) in screen pixels, or nowhere. */
  point(cursor) {
    this.cursor = cursor;
    this.draw();
    const { rows, columns, voxel, maximum } = this.description;
    const place = cursor ? this.view.stored(cursor) : { row: -1, column: -1 };
    const [row, column] = [Math.floor(place.row), Math.floor(place.column)];
    const readout = this.#one("[data-readout]");
    if (column < 0 || row < 0 || column >= columns || row >= rows) {
      readout.textContent = "Point at an image to read its values.";
      return;
    }
    const value = (name) => this.pictures.values[this.image(name).id][row * columns + column] / maximum;
    const millimetres = voxel ? ` (${figure(row * voxel[0], 1)}, ${figure(column * voxel[1], 1)} mm)` : "";
    const change = value(this.state.b) - value(this.state.a);
    readout.textContent = [
      `Row ${row}, column ${column}${millimetres}`,
      ...this.images.map((image) => `${image.title} ${figure(value(image.name))}`),
      `B − A ${change > 0 ? "+" : ""}${figure(change)} of the maximum`,
    ].join(" · ");
  }
}
