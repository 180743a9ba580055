// The points and what can be undone. Knows nothing of the page.

const COALESCE_MS = 800; // nudges of one point this close together are undone as one
const TOUCHING = 0.006; // of the face's width: how near the edges of two lips are that touch
const OPENING = 0.03; // of the face's width: how far a mouth opens
const STORED = 0.06; // pixels that a point may lie off by being stored, which is done with one decimal

const apart = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

export class Model extends EventTarget {
  constructor({ picture, groups, pairs, rims, twins, points, proposal }) {
    super();
    this.width = picture.width;
    this.height = picture.height;
    this.groups = groups;
    this.pairs = pairs;
    this.rims = new Map(rims); // the middle of a circle -> the point on its edge
    this.middles = new Map(rims.map(([middle, rim]) => [rim, middle]));
    this.twins = twins; // what touches in a closed mouth: [upper, lower]
    this.twinOf = new Map(twins.flatMap(([upper, lower]) => [[upper, lower], [lower, upper]]));
    this.proposal = proposal;
    this.points = points;
    this.names = groups.flatMap((group) => group.points.map((point) => point.name));
    this.labels = new Map(groups.flatMap((group) => group.points.map((point) => [point.name, point.label])));
    this.partners = new Map(pairs.flatMap(([left, right]) => [[left, right], [right, left]]));
    for (const [left, right] of pairs) {
      if (!this.rims.has(left)) continue;
      this.partners.set(this.rims.get(left), this.rims.get(right));
      this.partners.set(this.rims.get(right), this.rims.get(left));
    }
    this.past = [];
    this.future = [];
    this.lastStep = { label: "", at: 0 };
  }

  /** Call before a change: what is now comes back with undo. Steps with the same label in quick succession are one. */
  step(label, now = performance.now()) {
    const same = label === this.lastStep.label && now - this.lastStep.at < COALESCE_MS;
    this.lastStep = { label, at: now };
    if (same) return;
    this.past.push(this.points);
    this.future = [];
  }

  /** Moves a point, and its partner on the other side when `both`, from where they were in `from`. */
  move(name, dx, dy, both, from = this.points) {
    const moved = { ...this.points };
    const closed = this.isClosed(from);
    const shift = (point, x, y) => {
      moved[point] = this.inside(from[point], x, y);
      const rim = this.rims.get(point); // the edge of a circle goes with its middle
      if (rim) moved[rim] = this.inside(from[rim], moved[point][0] - from[point][0], moved[point][1] - from[point][1]);
      const twin = closed ? this.twinOf.get(point) : undefined;
      if (twin) moved[twin] = this.inside(from[twin], x, y);
    };
    shift(name, dx, dy);
    const partner = both ? this.partners.get(name) : undefined;
    if (partner && this.middles.has(name)) {
      // Circles are mirrored in their size alone.
      const radius = apart(moved[name], moved[this.middles.get(name)]);
      moved[partner] = this.inside(moved[this.middles.get(partner)], radius, 0);
    } else if (partner) {
      const [nx, ny] = this.across(from);
      const along = 2 * (dx * nx + dy * ny);
      shift(partner, dx - along * nx, dy - along * ny);
    }
    this.change(moved);
  }

  /** Whether the mouth is closed: the edges of its lips lie on each other. They are moved as one then. */
  isClosed(points = this.points) {
    const near = this.span * TOUCHING;
    return this.twins.length > 0 && this.twins.every(([upper, lower]) => apart(points[upper], points[lower]) <= near);
  }

  /** Closes the mouth, or opens it so far that both lips' edges can be taken hold of. */
  setClosed(closed) {
    if (closed === this.isClosed()) return;
    this.step(`closed ${performance.now()}`);
    const moved = { ...this.points };
    const [nx, ny] = this.across(this.points);
    const gap = this.span * OPENING;
    for (const [upper, lower] of this.twins) {
      const [a, b] = [this.points[upper], this.points[lower]];
      const middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
      moved[upper] = closed ? this.inside(middle, 0, 0) : this.inside(a, (ny * gap) / 2, (-nx * gap) / 2);
      moved[lower] = closed ? moved[upper] : this.inside(b, (-ny * gap) / 2, (nx * gap) / 2);
    }
    this.change(moved);
  }

  inside([x, y], dx, dy) {
    const clamp = (value, size) => Math.round(Math.min(size - 1, Math.max(0, value)) * 100) / 100;
    return [clamp(x + dx, this.width), clamp(y + dy, this.height)];
  }

  /** The unit vector from one side of the face to the other, however the head is tilted. */
  across(points) {
    let x = 0;
    let y = 0;
    for (const [left, right] of this.pairs) {
      x += points[right][0] - points[left][0];
      y += points[right][1] - points[left][1];
    }
    const length = Math.hypot(x, y) || 1;
    return [x / length, y / length];
  }

  /** The widest distance between two points of a pair: a measure of the face's size. */
  get span() {
    return Math.max(...this.pairs.map(([left, right]) => apart(this.points[left], this.points[right])));
  }

  /** Back to the proposal: all points, or those named. */
  reset(names) {
    this.step(`reset ${performance.now()}`);
    const back = Object.fromEntries(names.map((name) => [name, this.proposal[name]]));
    this.change({ ...this.points, ...back });
  }

  /** Whether any of these stands elsewhere than in `from`. */
  differs(names, from = this.proposal) {
    return names.some((name) => this.points[name].some((value, axis) => Math.abs(value - from[name][axis]) > STORED));
  }

  undo() {
    this.travel(this.past, this.future);
  }

  redo() {
    this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (from.length === 0) return;
    to.push(this.points);
    this.lastStep = { label: "", at: 0 };
    this.change(from.pop());
  }

  change(points) {
    this.points = points;
    this.dispatchEvent(new Event("change"));
  }
}
