// What part of the image is seen. Units: the shorter side of a voxel is 1; the top and the left edge that are seen are at 0.

/** What part of the image is seen, the same in all panels. */
class View {
  /** turn: the matrix that takes (row, column) to (down, right), up to a shift. */
  constructor({ rows, columns, voxel, turn, results }) {
    const side = voxel ? Math.min(voxel[0], voxel[1]) : 1;
    const [high, wide] = voxel ? [voxel[0] / side, voxel[1] / side] : [1, 1];
    const [[y1, y2], [x1, x2]] = turn;
    const sum = (f, a, b) => f(a) * rows * high + f(b) * columns * wide;
    const back = (way) => Math.max(-way, 0);
    // From (column, row), where a pixel's edges are at whole numbers.
    this.laid = new DOMMatrix([x2 * wide, y2 * wide, x1 * high, y1 * high, sum(back, x1, x2), sum(back, y1, y2)]);
    this.size = { x: sum(Math.abs, x1, x2), y: sum(Math.abs, y1, y2) };
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
    if (kind === "free" && this.scale <= this.fitting) kind = "fit"; // in a panel that has grown
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
    this.scale = clamped(this.scale * factor, this.fitting, 64 * this.fitting);
    this.kind = this.scale > this.fitting ? "free" : "fit";
    const after = this.image(at);
    this.centre = { x: this.centre.x + before.x - after.x, y: this.centre.y + before.y - after.y };
    this.#keepInside();
  }

  move(x, y) {
    if (this.scale > this.fitting) this.kind = "free"; // what is seen whole does not move, and stays whole
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

  /** The box of a region, given as row, column, height and width. */
  boxOf(row, column, height, width) {
    const [a, b] = [[column, row], [column + width, row + height]].map(([x, y]) => this.laid.transformPoint({ x, y }));
    return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
  }

  /** The place in the stored image that a point of the screen shows; a pixel's edges are at whole numbers. */
  stored(at) {
    const { x, y } = this.laid.inverse().transformPoint(this.image(at));
    return { row: y, column: x };
  }

  /** From (column, row) of the stored image to the screen. */
  get onScreen() {
    const { corner, scale } = this;
    return new DOMMatrix([scale, 0, 0, scale, corner.x, corner.y]).multiply(this.laid);
  }

  #keepInside() {
    for (const axis of ["x", "y"]) {
      const half = this.screen[axis] / this.scale / 2;
      const [low, high] = [Math.min(half, this.size[axis] / 2), Math.max(this.size[axis] - half, this.size[axis] / 2)];
      this.centre[axis] = clamped(this.centre[axis], low, high);
    }
  }
}
