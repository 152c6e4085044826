// Images of a case: from text to float32, and from there to colours.

const FACTORS = [50, 20, 10, 5, 2, 1];
const [LOWER, HIGHER, WHITE] = [[86, 180, 233], [230, 159, 0], [255, 255, 255]];

/** The values of an image, from gzip in base64 to float32. */
async function unpacked(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Float32Array(await new Response(stream).arrayBuffer());
}

const clamped = (value, low, high) => Math.min(Math.max(value, low), high);
const figure = (value, digits = 3) => value.toFixed(digits).replace("-", "−");

/** Pictures of a case's images as canvases of one pixel each, as they are stored. */
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
      const { rows, columns } = this.description;
      const canvas = new OffscreenCanvas(columns, rows);
      const context = canvas.getContext("2d");
      const image = context.createImageData(columns, rows);
      const pixels = new Uint32Array(image.data.buffer);
      for (let at = 0; at < pixels.length; at += 1) pixels[at] = 0xff000000 | colour(at);
      context.putImageData(image, 0, 0);
      if (this.kept.size > 60) this.kept.clear(); // a drag of the window leaves many
      this.kept.set(key, canvas);
    }
    return this.kept.get(key);
  }
}
