// What part of the image is seen. Units: the shorter side of a voxel is 1; the row that is seen at the top is 0.

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
