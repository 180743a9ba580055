// The little drawing beside the hints: where the points of a group belong on a face.

const SVG = "http://www.w3.org/2000/svg";

// Where things are on the drawn face, which is 120 wide; the right half mirrors the left.
const HALF = {
  "eye_left.outer": [31, 57.5], "eye_left.top": [42, 50.5], "eye_left.inner": [53, 58], "eye_left.bottom": [42, 61.5],
  "eye_left.iris": [42, 56], "eye_left.rim": [46.8, 56],
  "brow_left.outer": [28, 45], "brow_left.middle": [39, 39], "brow_left.inner": [51.5, 42.5],
  "mouth.left": [45, 98.5], "mouth.upper_outer.left": [52.5, 94.5], "mouth.upper_inner.left": [52.5, 97.8],
  "mouth.lower_inner.left": [52.5, 100.3], "mouth.lower_outer.left": [52.5, 104.3],
  "jaw.left.0": [22.5, 62], "jaw.left.1": [25, 83], "jaw.left.2": [33, 102], "jaw.left.3": [45.5, 116],
  "shoulders.left": [14, 137],
};
const MIDDLE = {
  "nose": [60, 80], "mouth.upper_outer.middle": [60, 95.3], "mouth.upper_inner.middle": [60, 97.8],
  "mouth.lower_inner.middle": [60, 101], "mouth.lower_outer.middle": [60, 106], "jaw.chin": [60, 121],
  "forehead": [60, 22],
};
const PLACES = new Map([...Object.entries(HALF), ...Object.entries(MIDDLE)]);
for (const [name, [x, y]] of Object.entries(HALF)) {
  // A point on an iris's edge is on its right on both sides.
  PLACES.set(name.replace("left", "right"), name.endsWith("rim") ? [120 - 42 + 4.8, y] : [120 - x, y]);
}

const FACE = [
  "M22 50C21 24 38 12 60 12s39 12 38 38c0 10 0 26-3 34-5 16-20 37-35 37S30 100 25 84c-3-8-3-24-3-34Z",
  "M47 113v9c0 6-12 9-33 15M73 113v9c0 6 12 9 33 15",
  "M31 57.5C35 52 38 50.5 42 50.5S50 53 53 58C50 60.5 46 61.5 42 61.5S34 60 31 57.5Z",
  "M89 57.5C85 52 82 50.5 78 50.5S70 53 67 58C70 60.5 74 61.5 78 61.5S86 60 89 57.5Z",
  "M28 45C33 40 36 39 39 39S47 40 51.5 42.5M92 45C87 40 84 39 81 39S73 40 68.5 42.5",
  "M54 79.5C54 84 57 83 60 84.5 63 83 66 84 66 79.5",
  "M45 98.5C50 95.5 51 94.5 52.5 94.5S58 95.3 60 95.3 66 94.5 67.5 94.5 70 95.5 75 98.5C72 102 69 106 60 106S48 102 45 98.5ZM45 98.5C50 97.8 56 97.8 60 97.8S70 97.8 75 98.5C70 100 66 101 60 101S50 100 45 98.5",
];

const BOXES = {
  eyes: [22, 34, 76, 42],
  brows: [20, 26, 80, 44],
  nose: [30, 48, 60, 62],
  mouth: [36, 84, 48, 32],
};
const WHOLE = [0, 4, 120, 132];

export class Guide {
  constructor(svg) {
    this.svg = svg;
    this.face = document.createElementNS(SVG, "path");
    this.face.setAttribute("d", FACE.join(""));
    this.irises = document.createElementNS(SVG, "path");
    this.irises.setAttribute("d", "M37.2 56a4.8 4.8 0 1 0 9.6 0a4.8 4.8 0 1 0-9.6 0M73.2 56a4.8 4.8 0 1 0 9.6 0a4.8 4.8 0 1 0-9.6 0");
    this.dots = document.createElementNS(SVG, "g");
    svg.append(this.face, this.irises, this.dots);
  }

  /** Shows these points of a group, one of them marked; points that no drawing has, such as a head's outline, not. */
  show(group, names, chosen) {
    const box = BOXES[group] ?? WHOLE;
    const grain = box[2] / 120; // what is drawn stays as fine, however close
    const small = names.length > 20 ? 1.5 : 2.8;
    this.svg.setAttribute("viewBox", box.join(" "));
    for (const path of [this.face, this.irises]) path.setAttribute("stroke-width", 1.6 * grain);
    this.dots.replaceChildren(
      ...names
        .filter((name) => PLACES.has(name))
        .map((name) => {
          const dot = document.createElementNS(SVG, "circle");
          const [x, y] = PLACES.get(name);
          dot.setAttribute("cx", x);
          dot.setAttribute("cy", y);
          dot.setAttribute("r", (name === chosen ? 4.6 : small) * grain);
          dot.classList.toggle("chosen", name === chosen);
          return dot;
        }),
    );
  }
}
