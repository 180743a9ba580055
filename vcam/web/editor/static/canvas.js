// The picture with the points over it: drawing them, and the hands that move them.

import { pathOf } from "./shapes.js";
import { View } from "./view.js";

const SVG = "http://www.w3.org/2000/svg";
const REACH = { mouse: 16, pen: 20, touch: 30 }; // pixels around a point within which it is meant
const DENSE = 360; // pixels of face on the screen below which the points are drawn smaller
const WHEEL_STEP = 0.0016;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MARGIN = 1.4; // how much larger than a group of points is what is shown of the picture

const element = (name, className) => {
  const made = document.createElementNS(SVG, name);
  made.setAttribute("class", className);
  return made;
};

export class Canvas extends EventTarget {
  /** `frame` holds an <img>, an <svg> and a `.chip`. */
  constructor(frame, model) {
    super();
    this.frame = frame;
    this.model = model;
    this.img = frame.querySelector("img");
    this.svg = frame.querySelector("svg");
    this.chip = frame.querySelector(".chip");
    this.both = true;
    this.selected = null;
    this.hovered = null;
    this.group = null; // the only one that can be moved; null: all
    this.bare = false; // whether the points are hidden
    this.byKeys = false; // whether the keyboard has chosen the point
    this.returns = false; // whether the keyboard was at a point when they were hidden
    this.pointers = new Map();
    this.drag = null;
    this.covered = new Set(); // points under others, which are moved with them
    this.view = new View(frame, model.width, model.height);
    this.img.width = model.width;
    this.img.height = model.height;
    this.build();
    model.addEventListener("change", () => this.draw());
    this.view.addEventListener("change", () => this.draw());
    this.listen();
  }

  // ---- Drawing ---------------------------------------------------------------------------------------------------

  build() {
    this.lines = [];
    this.dots = new Map();
    for (const group of this.model.groups) {
      for (const line of group.lines) {
        const path = element("path", `line ${line.kind}`);
        this.lines.push({ ...line, group: group.id, path });
        this.svg.append(path);
      }
    }
    for (const group of this.model.groups) {
      for (const { name } of group.points) {
        const dot = element("g", "point");
        dot.dataset.name = name;
        dot.dataset.group = group.id;
        dot.setAttribute("role", "button");
        dot.setAttribute("aria-roledescription", "movable point");
        dot.setAttribute("aria-describedby", "point-help");
        for (const [part, radius] of [["halo", 13], ["ring", 6.5], ["dot", 4.5]]) {
          const circle = element("circle", part);
          circle.setAttribute("r", radius);
          dot.append(circle);
        }
        dot.addEventListener("focus", () => this.focused(name));
        this.dots.set(name, { dot, group: group.id });
        this.svg.append(dot);
      }
    }
  }

  draw() {
    const { view, model } = this;
    this.img.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    this.img.classList.toggle("pixels", view.scale > 3);
    for (const line of this.lines) {
      const points = line.points.map((name) => view.toScreen(model.points[name]));
      line.path.setAttribute("d", pathOf(line.kind, points));
      line.path.classList.toggle("faint", this.group !== null && line.group !== this.group);
    }
    this.frame.classList.toggle("dense", model.span * view.scale < DENSE);
    this.covered = new Set(model.isClosed() ? model.twins.map(([, lower]) => lower) : []);
    for (const [name, { dot, group }] of this.dots) {
      const [x, y] = view.toScreen(model.points[name]);
      const active = this.isActive(name);
      dot.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
      dot.setAttribute("aria-label", `${this.label(name)}, ${model.points[name].map(Math.round).join(", ")}`);
      dot.setAttribute("tabindex", active ? "0" : "-1");
      dot.classList.toggle("faint", this.group !== null && this.group !== group);
      dot.classList.toggle("covered", this.covered.has(name));
      dot.classList.toggle("selected", name === this.selected);
      dot.classList.toggle("partner", this.both && name === model.partners.get(this.selected));
      dot.classList.toggle("hovered", name === this.hovered);
      dot.classList.toggle("held", name === this.drag?.name);
    }
    this.drawChip();
    this.dispatchEvent(new Event("drawn"));
  }

  /** Whether a point can be moved now: it is seen, in the group in hand, and not under its twin. */
  isActive(name) {
    return !this.bare && (this.group === null || this.group === this.dots.get(name).group) && !this.covered.has(name);
  }

  label(name) {
    const closed = this.covered.has(this.model.twinOf.get(name));
    return this.model.labels.get(name).replace(...(closed ? [/^.*,/, "Where the lips meet,"] : ["", ""]));
  }

  drawChip() {
    const name = this.drag?.name ?? this.hovered ?? (this.byKeys ? this.selected : null);
    this.frame.classList.toggle("by-keys", this.byKeys);
    this.chip.hidden = !name;
    if (!name) return;
    this.chip.textContent = this.label(name);
    const [x, y] = this.view.toScreen(this.model.points[name]);
    const { width, height } = this.view.size;
    const half = this.chip.offsetWidth / 2 + 8;
    const below = y < 64;
    this.chip.style.transform = `translate(${Math.min(width - half, Math.max(half, x))}px, ${Math.min(height, y + (below ? 22 : -22))}px)`;
    this.chip.classList.toggle("below", below);
  }

  // ---- What is seen ------------------------------------------------------------------------------------------------

  /** Lets only one group's points be moved (null: all) and shows them. */
  setGroup(id, names) {
    this.group = id;
    if (this.selected && id && this.dots.get(this.selected).group !== id) this.select(null);
    this.show(names);
    this.draw();
  }

  show(names) {
    const points = names.map((name) => this.model.points[name]);
    const span = (axis) => {
      const values = points.map((point) => point[axis]);
      return [Math.min(...values), Math.max(...values)];
    };
    const [left, right] = span(0);
    const [top, bottom] = span(1);
    // A single point says nothing of the size that it belongs to: then the face does.
    const least = this.model.span * 0.3;
    const wide = Math.max(least, ((right - left) / 2) * MARGIN);
    const high = Math.max(least, ((bottom - top) / 2) * MARGIN);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    this.view.show([x - wide, y - high, x + wide, y + high]);
  }

  showAll() {
    this.view.show([0, 0, this.model.width, this.model.height]);
  }

  /** Hides the points, which can neither be taken nor reached by the keyboard then, or shows them again. */
  setBare(on) {
    const returns = this.returns;
    this.returns = on && this.byKeys;
    this.bare = on;
    this.frame.classList.toggle("bare", on);
    this.hover(null);
    this.drop();
    if (on && this.svg.contains(document.activeElement)) document.activeElement.blur();
    else if (returns && document.activeElement === document.body) this.dots.get(this.selected)?.dot.focus();
  }

  select(name) {
    if (name === this.selected) return;
    this.selected = name;
    this.dispatchEvent(new Event("select"));
    this.draw();
  }

  /** By the keyboard: a hand on the point has selected it already. */
  focused(name) {
    if (this.drag) return;
    this.byKeys = true;
    this.view.reveal(this.model.points[name]);
    this.select(name);
    this.draw();
  }

  // ---- Hands -------------------------------------------------------------------------------------------------------

  listen() {
    const { frame } = this;
    frame.addEventListener("pointerdown", (event) => this.down(event));
    frame.addEventListener("pointermove", (event) => this.moved(event));
    for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, (event) => this.up(event));
    frame.addEventListener("pointerleave", () => this.hover(null));
    frame.addEventListener("dblclick", (event) => {
      if (!this.near(event)) this.view.zoom(2, ...this.at(event), true);
    });
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("focusout", (event) => {
      if (!this.svg.contains(event.relatedTarget) && this.byKeys) {
        this.byKeys = false;
        this.draw();
      }
    });
  }

  at(event) {
    const box = this.frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** The point that is meant at this place: the nearest that can be moved, if it is near enough. */
  near(event) {
    const [x, y] = this.at(event);
    let best = null;
    let distance = REACH[event.pointerType] ?? REACH.mouse;
    for (const name of this.dots.keys()) {
      if (!this.isActive(name)) continue;
      const [px, py] = this.view.toScreen(this.model.points[name]);
      // The selected point wins where points crowd.
      const apart = Math.hypot(px - x, py - y) - (name === this.selected ? 3 : 0);
      if (apart < distance) [best, distance] = [name, apart];
    }
    return best;
  }

  hover(name) {
    if (name === this.hovered) return;
    this.hovered = name;
    this.frame.classList.toggle("over-point", name !== null);
    this.draw();
  }

  down(event) {
    if (event.button > 1 || event.target.closest("button")) return;
    event.preventDefault();
    this.frame.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    this.byKeys = false;
    if (this.pointers.size === 2) return this.drop(); // two fingers: the picture, not a point
    const name = event.button === 0 && !event.altKey ? this.near(event) : null;
    if (name) this.take(name, event);
    else this.frame.classList.add("panning");
  }

  take(name, event) {
    // In the picture's coordinates, because the picture may be zoomed under the hand.
    this.drag = { name, start: this.view.toPicture(this.at(event)), from: this.model.points, begun: false };
    this.select(name);
    this.dots.get(name).dot.focus({ preventScroll: true }); // for the arrow keys
    this.frame.classList.add("dragging");
    this.draw();
  }

  moved(event) {
    if (!this.pointers.has(event.pointerId)) {
      if (event.pointerType === "mouse") this.hover(this.near(event));
      return;
    }
    const before = this.pointers.get(event.pointerId);
    const now = this.at(event);
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size === 2) return this.pinch(event.pointerId, before, now);
    if (!this.drag) return this.view.pan(now[0] - before[0], now[1] - before[1]);
    const { name, start, from } = this.drag;
    const [x, y] = this.view.toPicture(now);
    const [dx, dy] = [x - start[0], y - start[1]];
    if (!this.drag.begun) {
      if (Math.hypot(dx, dy) * this.view.scale < 2) return;
      this.drag.begun = true;
      this.model.step(`drag ${performance.now()}`);
    }
    this.model.move(name, dx, dy, this.both, from);
  }

  pinch(id, before, now) {
    const [, other] = [...this.pointers].find(([key]) => key !== id);
    const spread = ([x, y]) => Math.max(10, Math.hypot(x - other[0], y - other[1]));
    this.view.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.view.zoom(spread(now) / spread(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size === 0) this.drop();
  }

  drop() {
    this.drag = null;
    this.frame.classList.remove("dragging", "panning");
    this.draw();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // A pinch on a touchpad comes as a wheel with Ctrl, in small steps.
    const speed = WHEEL_STEP * lines * (event.ctrlKey ? 6 : 1);
    this.view.zoom(Math.exp(-event.deltaY * speed), ...this.at(event));
  }

  key(event) {
    const arrow = ARROWS[event.key];
    const name = event.target.closest(".point")?.dataset.name;
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") event.target.blur();
    if (!arrow) return;
    event.preventDefault();
    event.stopPropagation();
    // About a screen pixel, but never less than a tenth of the picture's, which is what is stored.
    const step = event.shiftKey ? 10 : Math.max(0.1, Math.min(1, 1 / this.view.scale));
    this.byKeys = true;
    this.model.step(`nudge ${name}`);
    this.model.move(name, arrow[0] * step, arrow[1] * step, this.both);
    this.view.reveal(this.model.points[name]);
  }
}
