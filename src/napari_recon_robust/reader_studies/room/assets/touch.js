// Fingers on an image: one moves it or the wipe, two zoom, one that was held first turns the window, a tap marks.

const HELD = 450; // milliseconds
const STILL = 10; // CSS pixels that a finger may stray and is still a tap

/** tap: called with the event of a finger that was lifted without a drag. */
function listenToTouch(viewer, canvas, tap) {
  const fingers = new Map();
  let [kind, start, hold] = ["", null, null];
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return { canvas, x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  };
  const both = () => {
    const [a, b] = [...fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1) };
  };
  const become = (next) => {
    clearTimeout(hold);
    kind = next;
    canvas.classList.toggle("windowing", kind === "window");
  };

  function down(event) {
    fingers.set(event.pointerId, at(event));
    if (fingers.size > 1) become("pinch");
    else {
      become("tap");
      start = event;
      hold = setTimeout(() => become("window"), HELD);
    }
  }

  function move(event) {
    const from = fingers.get(event.pointerId);
    if (!from) return;
    const to = at(event);
    if (kind === "tap" && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > STILL) become("drag");
    if (kind === "drag") drag(viewer, { ...from, button: 0 }, to, false);
    if (kind === "window") drag(viewer, { ...from, button: 2 }, to, false);
    if (kind === "pinch" && fingers.size === 2) {
      const before = both();
      fingers.set(event.pointerId, to);
      const after = both();
      viewer.view.zoom(after.apart / before.apart, before);
      viewer.view.move(after.x - before.x, after.y - before.y);
      viewer.draw();
    }
    fingers.set(event.pointerId, to);
  }

  function up(event) {
    if (!fingers.delete(event.pointerId)) return;
    if (kind === "tap" && event.type === "pointerup") tap(event);
    if (!fingers.size) become("");
  }

  for (const [name, act] of [["pointerdown", down], ["pointermove", move], ["pointerup", up], ["pointercancel", up]]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerType !== "touch") return;
      event.stopImmediatePropagation(); // what follows is for the mouse
      act(event);
    });
  }
}
