// Mouse and keys of a viewer.

const MODES = { 1: "side", 2: "flicker", 3: "wipe", 4: "difference" };
const PRESETS = { f: "full", t: "soft tissue", l: "lesion", n: "noise", w: "reset" };
const ZOOMS = { r: "region", 0: "fit", p: "one" };
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function listenToMouse(viewer, canvas) {
  let from = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return { canvas, x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  };
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => {
    from = { ...at(event), button: event.button };
    canvas.setPointerCapture(event.pointerId);
    drag(viewer, from, from, event.shiftKey);
  });
  canvas.addEventListener("pointermove", (event) => {
    const to = at(event);
    if (from) drag(viewer, from, to, event.shiftKey);
    if (from) Object.assign(from, to);
    viewer.point(to);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
  canvas.addEventListener("pointerleave", () => viewer.point(null));
  canvas.addEventListener("wheel", (event) => {
    const { view } = viewer;
    const nothingToZoom = event.deltaY > 0 ? view.scale <= 1.001 * view.fitting : scrollY > 0;
    if (nothingToZoom) return; // the page scrolls
    event.preventDefault();
    view.zoom(1.0015 ** -event.deltaY, at(event));
    viewer.draw();
  }, { passive: false });
}

/** The right button turns the window; the left one moves the wipe in its mode, else the image. */
function drag(viewer, from, to, shift) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const { window: { low, high }, mode } = viewer.state;
  if (from.button === 2) {
    const step = viewer.description.maximum / 400;
    const [level, width] = [(low + high) / 2 + y * step, Math.max(high - low + x * step, step)];
    if (x || y) viewer.setWindow(level - width / 2, level + width / 2);
  } else if (mode === "wipe" && !shift) {
    viewer.set({ wipe: clamped(to.x / to.canvas.width, 0, 1) });
  } else if (x || y) {
    viewer.view.move(x, y);
    viewer.draw();
  }
}

/** A key that is pressed; whether it was one of ours. */
function press(viewer, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const { view, state: { mode, rate, wipe, result, playing, outline, smooth, signed } } = viewer;
  const changes = {
    x: { held: true }, g: { playing: !playing }, o: { outline: !outline }, i: { smooth: !smooth }, a: { signed: !signed },
    m: { result: (result + 1) % viewer.description.results.length },
    "<": { rate: clamped(rate - 0.5, 1, 4) }, ">": { rate: clamped(rate + 0.5, 1, 4) },
  };
  if (key in changes) viewer.set(changes[key]);
  else if (key in MODES) viewer.set({ mode: MODES[key] });
  else if (key in PRESETS) viewer.preset(PRESETS[key]);
  else if (key in ZOOMS) viewer.zoom(ZOOMS[key] === view.kind ? "fit" : ZOOMS[key]);
  else if ("+=-".includes(key)) {
    view.zoom(key === "-" ? 0.8 : 1.25, { x: view.screen.x / 2, y: view.screen.y / 2 });
    viewer.draw();
  } else if (key in ARROWS && viewer.root === document.activeElement) {
    const [x, y] = ARROWS[key];
    if (mode === "wipe" && x) viewer.set({ wipe: clamped(wipe - 0.02 * x, 0, 1) });
    else view.move(0.05 * x * view.screen.x, 0.05 * y * view.screen.y);
    viewer.draw();
  } else return false;
  return true;
}
