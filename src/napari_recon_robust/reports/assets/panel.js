// One panel: what it shows in words, and its canvas.

const OUTLINE = "#f0e442";

/** An element with words in it. */
function worded(tag, words, className = "") {
  return Object.assign(document.createElement(tag), { textContent: words, className });
}

/** content: `images`, the names of one or two, or of more to flicker; `held`, what stands in for them while X is held; and how two of them
 * are shown: `difference`, `flicker` or `wipe`. */
class Panel {
  constructor(viewer, content) {
    [this.viewer, this.content] = [viewer, content];
    const { held, smooth } = viewer.state;
    this.images = (held && content.held ? content.held : content.images).map((name) => viewer.image(name));
    this.titles = this.images.map((image) => worded("b", image.title));
    this.canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption");
    caption.append(...(content.difference ? this.#differenceCaption() : this.#imageCaption()));
    const marks = new Set([...this.images.flatMap((image) => image.marks), ...(smooth ? ["interpolated"] : [])]);
    caption.append(...[...marks].map((mark) => worded("span", mark, `mark ${mark.split(" ").pop()}`)));
    this.canvas.role = "img";
    this.canvas.ariaLabel = [caption.textContent, ...this.images.map((image) => image.words)].join(". ");
    this.figure = worded("figure", "", "panel");
    this.figure.append(caption, this.canvas);
  }

  #imageCaption() {
    const { state } = this.viewer;
    const parts = this.images.map(({ name, score }, at) => {
      const letter = ["a", "b"].find((one) => state[one] === name);
      const before = letter ? [worded("span", letter.toUpperCase(), "quiet")] : [];
      return [...before, this.titles[at], ...(score ? [worded("span", score, "quiet")] : [])];
    });
    return parts.flatMap((part, at) => (at ? [worded("span", this.content.flicker ? "⇄" : "│", "quiet"), ...part] : part));
  }

  #differenceCaption() {
    const [a, b] = this.images;
    const { signed } = this.viewer.state;
    const full = this.viewer.full(a.id, b.id);
    const words = signed ? `${b.title} − ${a.title}` : `|${b.title} − ${a.title}|`;
    const most = figure(full.value / this.viewer.description.maximum, 2);
    const scale = worded("span", "", `scale ${signed ? "signed" : "absolute"}`);
    scale.append(signed ? `−${most}` : "0", document.createElement("i"), `${signed ? "+" : ""}${most}`);
    scale.title = "Fractions of the reference's maximum";
    return [worded("b", `${words} ×${full.factor}`), scale];
  }

  /** Screen pixels. */
  resize(width, height) {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    [canvas.style.width, canvas.style.height] = [width, height].map((side) => `${side / devicePixelRatio}px`);
  }

  /** Everything in one turn of the event loop, so that nothing is blank in between. */
  draw() {
    const { canvas, content, images: [a, b], viewer } = this;
    const { pictures, phase, cursor, state: { window: limits, signed, smooth, wipe, held, outline } } = viewer;
    const context = canvas.getContext("2d");
    const put = (picture) => {
      if (!smooth && viewer.view.scale < 1) { // drawn as below, Firefox interpolates what it shrinks
        context.fillStyle = context.createPattern(picture, "no-repeat");
        context.fillStyle.setTransform(viewer.view.onScreen);
        context.fillRect(0, 0, canvas.width, canvas.height);
        return;
      }
      context.setTransform(viewer.view.onScreen);
      context.drawImage(picture, 0, 0);
      context.resetTransform();
    };
    context.imageSmoothingEnabled = smooth;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (content.difference) {
      put(pictures.difference(a.id, b.id, signed, viewer.full(a.id, b.id).value));
    } else if (content.flicker) {
      const at = held ? 1 - phase : phase;
      put(pictures.grey(this.images[at].id, limits));
      this.titles.forEach((title, number) => { title.style.opacity = number === at ? 1 : 0.4; });
    } else {
      put(pictures.grey(a.id, limits));
      if (content.wipe && !held) this.#wiped(context, wipe * canvas.width, () => put(pictures.grey(b.id, limits)));
    }
    if (outline) this.#outline(context);
    this.#sides(context);
    if (cursor && cursor.canvas !== canvas) this.#cross(context, cursor);
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

  /** Letters of the patient's sides, where they are known, at the middle of each edge. */
  #sides(context) {
    const { width, height } = context.canvas;
    const size = 13 * devicePixelRatio;
    const places = { top: [width / 2, size], bottom: [width / 2, height - size], left: [size, height / 2], right: [width - size, height / 2] };
    context.save();
    Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, textAlign: "center", textBaseline: "middle" });
    Object.assign(context, { lineWidth: size / 4, lineJoin: "round", strokeStyle: "#000", fillStyle: "#c8c8c8" });
    for (const [side, letters] of Object.entries(this.viewer.description.sides)) {
      context.strokeText(letters, ...places[side]);
      context.fillText(letters, ...places[side]);
    }
    context.restore();
  }

  #outline(context) {
    const path = new Path2D();
    path.addPath(this.viewer.outline, this.viewer.view.onScreen);
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
}
