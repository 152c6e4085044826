// The viewer of a report. Each case has float images, a description and one window for all of them.
// Coordinates: an image's units are millimetres where the voxel is known, else pixels; the first row that is seen is 0.

const FACTORS = [50, 20, 10, 5, 2, 1];
const [LOWER, HIGHER, WHITE] = [[86, 180, 233], [230, 159, 0], [255, 255, 255]];
const GAP = 8;
const OUTLINE = "#f0e442";

/** The values of an image, from gzip in base64 to float32. */
async function unpacked(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Float32Array(await new Response(stream).arrayBuffer());
}

const clamped = (value, low, high) => Math.min(Math.max(value, low), high);
const figure = (value, digits = 3) => value.toFixed(digits).replace("-", "−");

/** Pictures of a case's images as canvases of one pixel each, in the rows' order on the screen. */
class Pictures {
  constructor(description, values) {
    this.description = description;
    this.values = values;
    this.kept = new Map();
  }

  /** Grey: 255 (v − low) / (high − low), rounded and cut at 0 and 255. */
  grey(id, { low, high }) {
    const values = this.values[id];
    const gain = 255 / (high - low);
    return this.#picture(`${id} ${low} ${high}`, (at) => {
      const grey = clamped(Math.round((values[at] - low) * gain), 0, 255);
      return grey | (grey << 8) | (grey << 16);
    });
  }

  /** b − a: blue where b is lower, orange where it is higher, or grey without its sign; full at `full`. */
  difference(a, b, signed, full) {
    const [before, after] = [this.values[a], this.values[b]];
    return this.#picture(`${a} ${b} ${signed} ${full}`, (at) => {
      const share = (after[at] - before[at]) / full;
      const size = Math.min(Math.abs(share), 1);
      const [red, green, blue] = signed ? (share < 0 ? LOWER : HIGHER) : WHITE;
      return Math.round(size * red) | (Math.round(size * green) << 8) | (Math.round(size * blue) << 16);
    });
  }

  /** The largest factor at which no more than a thousandth of the pixels is beyond full colour. */
  factor(a, b, white) {
    const key = `factor ${a} ${b}`;
    if (!this.kept.has(key)) {
      const sizes = this.values[a].map((value, at) => Math.abs(this.values[b][at] - value)).sort();
      const largest = sizes[Math.floor(0.999 * (sizes.length - 1))];
      this.kept.set(key, FACTORS.find((factor) => factor * largest <= white) ?? 1);
    }
    return this.kept.get(key);
  }

  /** colour: of a pixel by its place in memory, red in the lowest byte. */
  #picture(key, colour) {
    if (!this.kept.has(key)) {
      const { rows, columns, upsideDown } = this.description;
      const canvas = new OffscreenCanvas(columns, rows);
      const context = canvas.getContext("2d");
      const image = context.createImageData(columns, rows);
      const pixels = new Uint32Array(image.data.buffer);
      for (let row = 0; row < rows; row += 1) {
        const seen = (upsideDown ? rows - 1 - row : row) * columns;
        for (let column = 0; column < columns; column += 1) {
          pixels[seen + column] = 0xff000000 | colour(row * columns + column);
        }
      }
      context.putImageData(image, 0, 0);
      if (this.kept.size > 60) this.kept.clear(); // a drag of the window leaves many
      this.kept.set(key, canvas);
    }
    return this.kept.get(key);
  }
}

/** What part of the image is seen, the same in all panels. */
class View {
  constructor({ rows, columns, voxel, results }) {
    const side = voxel ? Math.min(voxel[0], voxel[1]) : 1;
    this.pixel = voxel ? { x: voxel[1] / side, y: voxel[0] / side } : { x: 1, y: 1 };
    this.size = { x: columns * this.pixel.x, y: rows * this.pixel.y };
    this.results = results;
    this.screen = { x: 1, y: 1 };
    this.kind = "fit";
    this.centre = { x: this.size.x / 2, y: this.size.y / 2 };
    this.scale = 1;
  }

  get fitting() {
    return Math.min(this.screen.x / this.size.x, this.screen.y / this.size.y);
  }

  /** Screen pixels of each panel. */
  resize(x, y) {
    this.screen = { x, y };
    this.set(this.kind);
  }

  /** kind: "fit", "one", "free", or the box of a region (x, y, width, height in units). */
  set(kind, box = this.box) {
    [this.kind, this.box] = [kind, box];
    const middle = { x: this.size.x / 2, y: this.size.y / 2 };
    if (kind === "fit") [this.scale, this.centre] = [this.fitting, middle];
    if (kind === "one") [this.scale, this.centre] = [Math.max(1, Math.floor(this.fitting)), middle];
    if (kind === "region") {
      const around = Math.max(3 * Math.max(box.width, box.height), 48);
      this.scale = Math.max(Math.min(this.screen.x, this.screen.y) / around, this.fitting);
      this.centre = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    }
    this.#keepInside();
  }

  zoom(factor, at) {
    const before = this.image(at);
    this.kind = "free";
    this.scale = clamped(this.scale * factor, this.fitting, 64 * this.fitting);
    const after = this.image(at);
    this.centre = { x: this.centre.x + before.x - after.x, y: this.centre.y + before.y - after.y };
    this.#keepInside();
  }

  move(x, y) {
    this.kind = "free";
    this.centre = { x: this.centre.x - x / this.scale, y: this.centre.y - y / this.scale };
    this.#keepInside();
  }

  /** Where the image begins on the screen, on whole pixels. */
  get corner() {
    return {
      x: Math.round(this.screen.x / 2 - this.centre.x * this.scale),
      y: Math.round(this.screen.y / 2 - this.centre.y * this.scale),
    };
  }

  /** A point of the screen in the image's units. */
  image({ x, y }) {
    return { x: (x - this.corner.x) / this.scale, y: (y - this.corner.y) / this.scale };
  }

  #keepInside() {
    for (const axis of ["x", "y"]) {
      const half = this.screen[axis] / this.scale / 2;
      const [low, high] = [Math.min(half, this.size[axis] / 2), Math.max(this.size[axis] - half, this.size[axis] / 2)];
      this.centre[axis] = clamped(this.centre[axis], low, high);
    }
  }
}

/** One case on the screen. */
class Viewer {
  constructor(article) {
    this.root = article.querySelector(".viewer");
    this.article = article;
    this.panels = this.root.querySelector(".panels");
    this.description = JSON.parse(this.root.querySelector(".description").textContent);
    this.view = new View(this.description);
    this.outlines = this.description.results.map((result) => new Path2D(result.outline));
    const budget = this.#one("[data-result]");
    this.state = {
      mode: "side", result: budget ? Number(budget.value) : 0, a: "clean", b: "perturbed", beside: this.description.beside, wipe: 0.5,
      signed: true, factor: 0, rate: 2, playing: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      outline: true, smooth: false, held: false, window: { ...this.description.window },
    };
    this.shown = [];
    this.phase = 0;
    this.cursor = null;
    this.#fillImages();
    this.#listen();
  }

  #one(selector) {
    return this.root.querySelector(selector);
  }

  // ---------------------------------------------------------------- images

  /** Unpack the images, once, when the case is first looked at. */
  async open() {
    if (this.pictures) return this.#resize();
    try {
      const ids = this.description.images.map((image) => image.id);
      const values = await Promise.all(ids.map(unpacked));
      this.pictures = new Pictures(this.description, Object.fromEntries(ids.map((id, at) => [id, values[at]])));
    } catch (error) {
      this.panels.textContent = `The images cannot be unpacked by this browser (${error.message}); open the report in a newer one.`;
      return;
    }
    this.set({});
    this.root.dataset.ready = "true";
  }

  /** The image of a name at the budget that is looked at. */
  #image(name) {
    return this.description.images.find(
      (image) => image.name === name && (image.result === null || image.result === this.state.result));
  }

  #fillImages() {
    for (const select of this.root.querySelectorAll("[data-image]")) {
      const images = this.description.images.filter((image) => image.result === null || image.result === this.state.result);
      const none = select.dataset.image === "beside" ? [new Option("nothing", "")] : [];
      select.replaceChildren(...images.map((image) => new Option(image.title, image.name)), ...none);
      select.value = this.state[select.dataset.image];
    }
  }

  // ---------------------------------------------------------------- state

  /** Change the state, and show it in the controls and the panels. */
  set(changes) {
    Object.assign(this.state, changes);
    const { mode, rate, playing, outline, smooth, signed, factor, wipe, window: { low, high }, result } = this.state;
    if ("result" in changes) this.#fillImages();
    for (const button of this.root.querySelectorAll("[data-mode]")) button.ariaPressed = String(button.dataset.mode === mode);
    for (const group of this.root.querySelectorAll("[data-for]")) group.hidden = !group.dataset.for.split(" ").includes(mode);
    for (const select of this.root.querySelectorAll("[data-image]")) select.value = this.state[select.dataset.image];
    if (this.#one("[data-result]")) this.#one("[data-result]").value = result;
    const pressed = { play: playing, outline, smooth };
    for (const [name, on] of Object.entries(pressed)) this.#one(`[data-${name}]`).ariaPressed = String(on);
    this.#one("[data-rate]").value = rate;
    this.#one("[data-rate-words]").textContent = `${rate} Hz`;
    this.#one("[data-wipe]").value = 100 * wipe;
    this.#one("[data-signed]").value = signed ? "signed" : "absolute";
    this.#one("[data-factor]").value = factor;
    this.panels.classList.toggle("wiping", mode === "wipe");
    const { maximum } = this.description;
    const typed = { level: (low + high) / 2 / maximum, width: (high - low) / maximum };
    for (const [name, value] of Object.entries(typed)) {
      if (document.activeElement !== this.#one(`[data-${name}]`)) this.#one(`[data-${name}]`).value = value.toFixed(3);
    }
    if (this.pictures) this.arrange();
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
    const { pixel } = this.view;
    const top = this.description.upsideDown ? this.description.rows - row - height : row;
    this.view.set(kind, { x: column * pixel.x, y: top * pixel.y, width: width * pixel.x, height: height * pixel.y });
    this.arrange();
  }

  // ---------------------------------------------------------------- panels

  /** What the panels are to show in this mode. */
  get contents() {
    const { a, b, mode } = this.state;
    const beside = this.state.beside && ![a, b].includes(this.state.beside) ? [{ images: [this.state.beside] }] : [];
    const difference = { difference: true, images: [a, b] };
    if (mode === "difference") return [...beside, difference];
    if (mode === "side") return [...beside, { images: [a] }, { images: [b], held: [a] }, difference];
    return [...beside, { images: [a, b], [mode]: true }];
  }

  /** Make the panels anew where their contents have changed, and fit them to the page. */
  arrange() {
    const { a, b, beside, mode, result, signed, factor, held } = this.state;
    const key = [a, b, beside, mode, result, signed, factor, held].join();
    if (key !== this.key) {
      this.key = key;
      this.shown = this.contents.map((content) => this.#panel(content));
      this.panels.replaceChildren(...this.shown.map((panel) => panel.figure));
      this.#fit();
    }
    this.draw();
    clearTimeout(this.timer);
    this.timer = null;
    this.#tick();
  }

  #panel(content) {
    const panel = { content, figure: document.createElement("figure"), canvas: document.createElement("canvas") };
    const caption = document.createElement("figcaption");
    const names = this.state.held && content.held ? content.held : content.images;
    panel.images = names.map((name) => this.#image(name));
    panel.titles = panel.images.map((image) => Object.assign(document.createElement("b"), { textContent: image.title }));
    panel.figure.className = "panel";
    caption.append(...(content.difference ? this.#differenceCaption(panel) : this.#imageCaption(panel, content)));
    const marks = [...new Set(panel.images.flatMap((image) => image.marks)), ...(this.state.smooth ? ["interpolated"] : [])];
    for (const mark of new Set(marks)) {
      const badge = Object.assign(document.createElement("span"), { textContent: mark });
      badge.className = `mark ${mark.split(" ").pop()}`;
      caption.append(badge);
    }
    panel.canvas.role = "img";
    panel.canvas.ariaLabel = [caption.textContent, ...panel.images.map((image) => image.words)].join(". ");
    panel.figure.append(caption, panel.canvas);
    this.#listenTo(panel.canvas);
    return panel;
  }

  #imageCaption(panel, content) {
    const quiet = (words) => Object.assign(document.createElement("span"), { className: "quiet", textContent: words });
    const parts = panel.images.map(({ name, score }, at) => {
      const letter = ["a", "b"].find((one) => this.state[one] === name);
      return [...(letter ? [quiet(letter.toUpperCase())] : []), panel.titles[at], ...(score ? [quiet(score)] : [])];
    });
    return parts.length === 1 ? parts[0] : [...parts[0], quiet(content.flicker ? "⇄" : "│"), ...parts[1]];
  }

  #differenceCaption(panel) {
    const [a, b] = panel.images;
    const { signed } = this.state;
    const full = this.#full(a.id, b.id);
    const words = `${b.title} − ${a.title}`;
    const title = Object.assign(document.createElement("b"), { textContent: `${signed ? words : `|${words}|`} ×${full.factor}` });
    const scale = Object.assign(document.createElement("span"), { className: `scale ${signed ? "signed" : "absolute"}` });
    const most = figure(full.value / this.description.maximum, 2);
    scale.append(signed ? `−${most}` : "0", document.createElement("i"), `${signed ? "+" : ""}${most}`);
    scale.title = "Fractions of the reference's maximum";
    return [title, scale];
  }

  /** The difference that has full colour, in the scan's units, and the factor that it comes from. */
  #full(a, b) {
    const white = this.description.window.high - this.description.window.low;
    const factor = this.state.factor || this.pictures.factor(a, b, white);
    return { factor, value: white / factor };
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
    const size = Math.max(...sizes, 120);
    this.panels.style.gridTemplateColumns = `repeat(${sizes.indexOf(Math.max(...sizes)) + 1}, ${size}px)`;
    const ratio = devicePixelRatio;
    const [wide, high] = [Math.round(size * ratio), Math.round(size * ratio * (y / x))];
    for (const { canvas } of this.shown) {
      if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
      [canvas.style.width, canvas.style.height] = [`${wide / ratio}px`, `${high / ratio}px`];
    }
    this.view.resize(wide, high);
  }

  /** Draw all panels; nothing is blank in between, since this is one turn of the event loop. */
  draw() {
    for (const panel of this.shown) this.#draw(panel);
  }

  #draw({ canvas, content, images, titles }) {
    const context = canvas.getContext("2d");
    const { corner, scale, size } = this.view;
    const { window: limits, signed, smooth, wipe, held } = this.state;
    const put = (picture) => context.drawImage(picture, corner.x, corner.y, size.x * scale, size.y * scale);
    context.imageSmoothingEnabled = smooth;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    const [a, b] = images;
    if (content.difference) {
      put(this.pictures.difference(a.id, b.id, signed, this.#full(a.id, b.id).value));
    } else if (content.flicker) {
      const at = held ? 1 - this.phase : this.phase;
      put(this.pictures.grey(images[at].id, limits));
      titles.forEach((title, number) => { title.style.opacity = number === at ? 1 : 0.4; });
    } else {
      put(this.pictures.grey(a.id, limits));
      if (content.wipe && !held) this.#wiped(context, wipe * canvas.width, () => put(this.pictures.grey(b.id, limits)));
    }
    if (this.state.outline) this.#outline(context);
    if (this.cursor && this.cursor.canvas !== canvas) this.#cross(context, this.cursor);
  }

  /** A to the left of the line, B to its right. */
  #wiped(context, x, put) {
    const { width, height } = context.canvas;
    context.save();
    context.beginPath();
    context.rect(x, 0, width - x, height);
    context.clip();
    put();
    context.restore();
    context.fillStyle = "#fff";
    context.fillRect(Math.round(x) - 1, 0, 2, height);
  }

  #outline(context) {
    const { corner, scale, pixel, size } = this.view;
    const { upsideDown } = this.description;
    const [x, y] = [pixel.x * scale, pixel.y * scale];
    const path = new Path2D();
    const below = corner.y + size.y * scale;
    path.addPath(this.outlines[this.state.result], new DOMMatrix([x, 0, 0, upsideDown ? -y : y, corner.x, upsideDown ? below : corner.y]));
    context.lineCap = "square";
    for (const [width, colour] of [[4, "#000"], [1.5, OUTLINE]]) {
      context.lineWidth = width * devicePixelRatio;
      context.strokeStyle = colour;
      context.stroke(path);
    }
  }

  /** Where the mouse is in another panel: four short arms, white on black. */
  #cross(context, { x, y }) {
    const [column, row] = [Math.round(x), Math.round(y)];
    for (const [rim, colour] of [[1, "#000"], [0, "#fff"]]) {
      context.fillStyle = colour;
      for (const [left, top, width, height] of [[-13, 0, 8, 1], [6, 0, 8, 1], [0, -13, 1, 8], [0, 6, 1, 8]]) {
        context.fillRect(column + left - rim, row + top - rim, width + 2 * rim, height + 2 * rim);
      }
    }
  }

  /** The flicker: each image for half a period. */
  #tick() {
    if (this.state.mode !== "flicker" || !this.state.playing || this.article.hidden || this.timer) return;
    const half = 500 / this.state.rate;
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.state.mode !== "flicker" || !this.state.playing) return;
      this.phase = 1 - this.phase;
      this.draw();
      this.#tick();
    }, half);
  }

  // ---------------------------------------------------------------- mouse and keys

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
    on("[data-smooth]", "click", () => this.#toggleSmooth());
    on("[data-level], [data-width]", "change", () => {
      const [level, width] = ["level", "width"].map((name) => this.#one(`[data-${name}]`).value * this.description.maximum);
      this.setWindow(level - width / 2, level + width / 2);
    });
    new ResizeObserver(() => this.#resize()).observe(this.root);
    addEventListener("resize", () => this.#resize());
  }

  #resize() {
    if (!this.pictures || this.article.hidden) return;
    this.#fit();
    this.draw();
  }

  #toggleSmooth() {
    this.key = null; // each panel says that it is interpolated
    this.set({ smooth: !this.state.smooth });
  }

  #at(canvas, event) {
    const box = canvas.getBoundingClientRect();
    return {
      canvas,
      x: ((event.clientX - box.left) * canvas.width) / box.width,
      y: ((event.clientY - box.top) * canvas.height) / box.height,
    };
  }

  #listenTo(canvas) {
    let from = null;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
      from = { ...this.#at(canvas, event), button: event.button };
      canvas.setPointerCapture(event.pointerId);
      this.#drag(canvas, event, from, from);
    });
    canvas.addEventListener("pointerup", () => { from = null; });
    canvas.addEventListener("pointercancel", () => { from = null; });
    canvas.addEventListener("pointerleave", () => this.#point(null));
    canvas.addEventListener("pointermove", (event) => {
      const to = this.#at(canvas, event);
      if (from) this.#drag(canvas, event, from, to);
      if (from) Object.assign(from, { x: to.x, y: to.y });
      this.#point(to);
    });
    canvas.addEventListener("wheel", (event) => this.#wheel(canvas, event), { passive: false });
  }

  /** Right: the window. Left: the wipe in its mode, else the image moves. */
  #drag(canvas, event, from, to) {
    const [x, y] = [to.x - from.x, to.y - from.y];
    const { low, high } = this.state.window;
    if (from.button === 2) {
      const step = this.description.maximum / 400;
      const [level, width] = [(low + high) / 2 + y * step, Math.max(high - low + x * step, step)];
      if (x || y) this.setWindow(level - width / 2, level + width / 2);
    } else if (this.state.mode === "wipe" && !event.shiftKey) {
      this.set({ wipe: clamped(to.x / canvas.width, 0, 1) });
    } else if (x || y) {
      this.view.move(x, y);
      this.draw();
    }
  }

  /** Zoom at the mouse; where that changes nothing the page scrolls. */
  #wheel(canvas, event) {
    const out = event.deltaY > 0;
    if (out ? this.view.scale <= 1.001 * this.view.fitting : scrollY > 0) return;
    event.preventDefault();
    this.view.zoom(1.0015 ** -event.deltaY, this.#at(canvas, event));
    this.draw();
  }

  /** The values under the mouse, for all images at once. */
  #point(cursor) {
    this.cursor = cursor;
    this.draw();
    const output = this.#one("[data-readout]");
    const { rows, columns, voxel, upsideDown, maximum } = this.description;
    const { x, y } = cursor ? this.view.image(cursor) : { x: -1, y: -1 };
    const [column, seen] = [Math.floor(x / this.view.pixel.x), Math.floor(y / this.view.pixel.y)];
    if (column < 0 || seen < 0 || column >= columns || seen >= rows) {
      output.textContent = "Point at an image to read its values.";
      return;
    }
    const row = upsideDown ? rows - 1 - seen : seen;
    const value = (name) => this.pictures.values[this.#image(name).id][row * columns + column] / maximum;
    const names = this.description.images.filter((image) => image.result === null || image.result === this.state.result);
    const place = voxel ? ` (${figure(row * voxel[0], 1)}, ${figure(column * voxel[1], 1)} mm)` : "";
    const parts = names.map((image) => `${image.title} ${figure(value(image.name))}`);
    const change = value(this.state.b) - value(this.state.a);
    output.textContent = [`Row ${row}, column ${column}${place}`, ...parts, `B − A ${change > 0 ? "+" : ""}${figure(change)} of the maximum`].join(" · ");
  }

  /** A key that is pressed; whether it was one of ours. */
  press(event) {
    const modes = { 1: "side", 2: "flicker", 3: "wipe", 4: "difference" };
    const presets = { f: "full", t: "soft tissue", l: "lesion", n: "noise", w: "reset" };
    const zooms = { r: "region", 0: "fit", p: "one" };
    const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const { mode, rate, wipe, result } = this.state;
    const middle = { x: this.view.screen.x / 2, y: this.view.screen.y / 2 };
    if (name in modes) this.set({ mode: modes[name] });
    else if (name in presets) this.preset(presets[name]);
    else if (name in zooms) this.zoom(zooms[name] === this.view.kind ? "fit" : zooms[name]);
    else if (name === "x") this.set({ held: true });
    else if (name === "g") this.set({ playing: !this.state.playing });
    else if (name === "<" || name === ",") this.set({ rate: clamped(rate - 0.5, 1, 4) });
    else if (name === ">" || name === ".") this.set({ rate: clamped(rate + 0.5, 1, 4) });
    else if (name === "o") this.set({ outline: !this.state.outline });
    else if (name === "i") this.#toggleSmooth();
    else if (name === "a") this.set({ signed: !this.state.signed });
    else if (name === "m") this.set({ result: (result + 1) % this.description.results.length });
    else if (name === "+" || name === "=" || name === "-") {
      this.view.zoom(name === "-" ? 0.8 : 1.25, middle);
      this.draw();
    } else if (name in arrows && this.root === document.activeElement) {
      const [x, y] = arrows[name];
      if (mode === "wipe" && x) this.set({ wipe: clamped(wipe - 0.02 * x, 0, 1) });
      else this.view.move(0.05 * x * this.view.screen.x, 0.05 * y * this.view.screen.y);
      this.draw();
    } else return false;
    return true;
  }
}

// ------------------------------------------------------------------ the page: one case at a time

const articles = [...document.querySelectorAll(".case")];
const viewers = articles.map((article) => new Viewer(article));
const chooser = document.querySelector("[data-cases]");
let current = -1;

function show(index) {
  if (index < 0 || index >= articles.length || index === current) return;
  current = index;
  articles.forEach((article, at) => { article.hidden = at !== index; });
  if (chooser) chooser.value = articles[index].id;
  viewers[index].open();
}

function follow() {
  show(Math.max(articles.findIndex((article) => `#${article.id}` === location.hash), 0));
}

function choose(index) {
  if (index >= 0 && index < articles.length) location.hash = articles[index].id;
}

chooser?.addEventListener("change", () => choose(chooser.selectedIndex));
for (const button of document.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => choose(current + Number(button.dataset.step)));
}
addEventListener("hashchange", follow);
addEventListener("keydown", (event) => {
  const { activeElement: focused, body } = document;
  const typing = event.target.matches?.("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (focused !== body && !focused.closest(".viewer, .top")) return;
  const step = { j: -1, k: 1 }[event.key.toLowerCase()];
  if (step) choose(current + step);
  else if (viewers[current].press(event)) event.preventDefault();
});
const release = () => viewers[current].state.held && viewers[current].set({ held: false });
addEventListener("keyup", (event) => event.key.toLowerCase() === "x" && release());
addEventListener("blur", release);
follow();
