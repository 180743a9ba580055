// SVG paths through points on the screen.

const ROUND = 0.5523; // where a cubic Bézier's handles must be to make it a quarter of a circle

const text = (...points) => points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join(" ");

/** Through all points, round between them (Catmull-Rom as cubic Béziers). */
function smooth(points, closed = false) {
  const count = points.length;
  const at = (n) => points[closed ? (n + count) % count : Math.min(count - 1, Math.max(0, n))];
  const pieces = [`M${text(points[0])}`];
  for (let n = 0; n < (closed ? count : count - 1); n++) {
    const [a, b, c, d] = [at(n - 1), at(n), at(n + 1), at(n + 2)];
    const first = [b[0] + (c[0] - a[0]) / 6, b[1] + (c[1] - a[1]) / 6];
    const second = [c[0] - (d[0] - b[0]) / 6, c[1] - (d[1] - b[1]) / 6];
    pieces.push(`C${text(first, second, c)}`);
  }
  return pieces.join("") + (closed ? "Z" : "");
}

/** A circle around the first point through the second. */
function circle([[x, y], [rx, ry]]) {
  const r = Math.max(0.1, Math.hypot(rx - x, ry - y)).toFixed(2);
  return `M${text([x - r, y])}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
}

/** Half an ellipse, however sheared, from the first point over the second to the third. */
function arch([a, top, b]) {
  const out = [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2];
  const up = [top[0] - (a[0] + b[0]) / 2, top[1] - (a[1] + b[1]) / 2];
  const from = ([x, y], [dx, dy], share) => [x + dx * share, y + dy * share];
  const left = [from(a, up, ROUND), from(top, out, -ROUND)];
  const right = [from(top, out, ROUND), from(b, up, ROUND)];
  return `M${text(a)}C${text(...left, top)}C${text(...right, b)}`;
}

/** A lid from corner to corner over its middle: about as round as the avatar's own (`_lid` in photo/eyes.py). */
function lid([a, top, b]) {
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
  const [cx, cy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
  const handles = ([x, y]) => {
    const [dx, dy] = [top[0] - x, top[1] - y];
    const along = dx * cx + dy * cy;
    const [ux, uy] = [along * cx, along * cy];
    return [[x + 0.12 * ux + 0.42 * (dx - ux), y + 0.12 * uy + 0.42 * (dy - uy)], [top[0] - 0.5 * ux, top[1] - 0.5 * uy]];
  };
  return `M${text(a)}C${text(...handles(a), top)}C${text(...handles(b).reverse(), b)}`;
}

const SHAPES = { open: smooth, lid, closed: (points) => smooth(points, true), circle, arch };

export const pathOf = (kind, points) => SHAPES[kind](points);
