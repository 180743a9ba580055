// Where the picture lies in its frame: zoom and pan. screen = scale * picture + offset, in CSS pixels.

const MAX_SCALE = 16;
const GLIDE_MS = 260;
const TOOLS = 62; // pixels at the frame's lower edge that the tools cover
const KEPT = 80; // pixels of the picture that cannot be moved out of the frame

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class View extends EventTarget {
  constructor(frame, width, height) {
    super();
    this.frame = frame;
    this.picture = { width, height };
    this.scale = 0; // nothing shown yet
    this.x = 0;
    this.y = 0;
    this.size = { width: frame.clientWidth, height: frame.clientHeight };
    this.aim = null; // the box that is to be seen, until the user zooms or pans
    new ResizeObserver(() => this.resize()).observe(frame);
  }

  get fitScale() {
    return Math.min(this.size.width / this.picture.width, this.size.height / this.picture.height);
  }

  resize() {
    const before = this.size;
    this.size = { width: this.frame.clientWidth, height: this.frame.clientHeight };
    if (this.aim) return this.place(this.showing(this.aim));
    const ratio = this.size.width / (before.width || this.size.width);
    this.place({ scale: this.scale * ratio, x: this.x * ratio, y: this.y * ratio });
  }

  toScreen([x, y]) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  toPicture([x, y]) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  /** Shows a box of the picture, clear of the tools: [left, top, right, bottom], as large as the frame allows. */
  show(box) {
    this.aim = box;
    this.glide(this.showing(box));
  }

  showing([left, top, right, bottom]) {
    const { width } = this.size;
    const height = this.size.height - TOOLS;
    const scale = Math.max(0.01, Math.min(width / (right - left), height / (bottom - top), MAX_SCALE));
    return { scale, x: width / 2 - (scale * (left + right)) / 2, y: height / 2 - (scale * (top + bottom)) / 2 };
  }

  /** Zooms by a factor; what is at (x, y) of the frame stays there. */
  zoom(factor, x = this.size.width / 2, y = this.size.height / 2, smooth = false) {
    this.aim = null;
    const from = this.target ?? this;
    const scale = Math.min(MAX_SCALE, Math.max(this.fitScale * 0.8, from.scale * factor));
    const ratio = scale / from.scale;
    const to = { scale, x: x - (x - from.x) * ratio, y: y - (y - from.y) * ratio };
    if (smooth) this.glide(to);
    else this.place(to);
  }

  pan(dx, dy) {
    this.aim = null;
    this.place({ scale: this.scale, x: this.x + dx, y: this.y + dy });
  }

  /** Moves just so far that a point of the picture is well inside the frame. */
  reveal(point, margin = 64) {
    const [x, y] = this.toScreen(point);
    const into = (at, size) => Math.min(Math.max(at, margin), size - margin) - at;
    const dx = into(x, this.size.width);
    const dy = into(y, this.size.height);
    if (dx || dy) this.pan(dx, dy);
  }

  glide(to) {
    this.target = to;
    cancelAnimationFrame(this.frameRequest);
    if (calm.matches || this.scale <= 0) return this.place(to);
    const from = { scale: this.scale, x: this.x, y: this.y };
    const start = performance.now();
    const tick = (now) => {
      const t = Math.min(1, Math.max(0, (now - start) / GLIDE_MS));
      const eased = 1 - (1 - t) ** 3;
      // The scale goes geometrically, and the offsets with it: then no point of the picture swings out of its way.
      const scale = from.scale * (to.scale / from.scale) ** eased;
      const share = to.scale === from.scale ? eased : (scale - from.scale) / (to.scale - from.scale);
      this.set({ scale, x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
      if (t < 1) this.frameRequest = requestAnimationFrame(tick);
      else this.place(to);
    };
    this.frameRequest = requestAnimationFrame(tick);
  }

  /** At once. */
  place({ scale, x, y }) {
    cancelAnimationFrame(this.frameRequest);
    this.target = null;
    const keep = (offset, size, side) => Math.min(size - KEPT, Math.max(KEPT - side * scale, offset));
    this.set({
      scale,
      x: keep(x, this.size.width, this.picture.width),
      y: keep(y, this.size.height, this.picture.height),
    });
  }

  set({ scale, x, y }) {
    this.scale = scale;
    this.x = x;
    this.y = y;
    this.dispatchEvent(new Event("change"));
  }
}
