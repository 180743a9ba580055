// The page: what the buttons do, what the words say. The points are in model.js, the picture in canvas.js.

import { Canvas } from "./canvas.js";
import { Guide } from "./guide.js";
import { Model } from "./model.js";
import { Server } from "./server.js";

const ALL = "all";

const root = document.documentElement;
const $ = (id) => document.getElementById(id);

function text(id, value) {
  const element = $(id);
  if (element.textContent !== value) element.textContent = value;
}

/** What stands between backticks is a command. */
function pieces(words) {
  return words.split("`").map((piece, n) => {
    const node = document.createElement(n % 2 ? "code" : "span");
    node.textContent = piece;
    return node;
  });
}

const server = new Server();
let model;
let canvas;
let guide;
let groups; // with "all" in front
let current; // the group in hand
const preview = { mode: "", close: true };
let waitingForPreview;
let saved; // the points as they are stored, or null
const problems = { points: "", save: "", preview: "" }; // what is wrong with each, or nothing

// ---- Start -----------------------------------------------------------------------------------------------------

async function start() {
  let state;
  try {
    state = await server.state();
  } catch (error) {
    return finish("over", "The page cannot be shown", [error.message]);
  }
  model = new Model(state);
  saved = state.saved;
  groups = [{ id: ALL, title: "Whole face", tab: "All", hint: state.hint, points: model.groups.flatMap((group) => group.points) }, ...model.groups];
  text("name", state.name);
  text("found", state.found);
  $("found").title = state.found;
  showNotices(state.notices);
  $("picture").alt = `The picture of ${state.name}`;
  canvas = new Canvas($("frame"), model);
  guide = new Guide($("guide"));
  $("picture").src = "/picture.jpg";
  makeGroups();
  makeModes(state);
  model.addEventListener("change", changed);
  canvas.addEventListener("select", showChosen);
  canvas.addEventListener("drawn", () => text("zoom", `${Math.round(canvas.view.scale * 100)} %`));
  listenToHands();
  choose(ALL);
  root.dataset.state = "editing";
  update();
  showPreview();
  server.addEventListener("accepted", ({ detail }) => complain("points", detail));
  server.addEventListener("news", ({ detail }) => hear(detail));
  server.addEventListener("lost", ({ detail }) => lost(detail));
  server.listen();
}

function showNotices(notices) {
  $("notices").hidden = notices.length === 0;
  for (const notice of notices) {
    const item = document.createElement("li");
    item.append(...pieces(notice));
    $("notices").append(item);
  }
}

function makeGroups() {
  for (const group of groups) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = group.tab;
    button.dataset.group = group.id;
    button.setAttribute("role", "radio");
    button.addEventListener("click", () => choose(group.id));
    $("groups").append(button);
  }
  $("groups").addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const next = (groups.indexOf(current) + way + groups.length) % groups.length;
    choose(groups[next].id);
    $("groups").children[next].focus();
  });
}

function makeModes({ modes, mode, close }) {
  for (const { id, label } of modes) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.dataset.mode = id;
    button.addEventListener("click", () => setMode(id, preview.close));
    $("modes").append(button);
  }
  $("nearer").addEventListener("click", () => setMode(preview.mode, !preview.close));
  showMode(mode, close);
}

// ---- What is in hand -------------------------------------------------------------------------------------------

const names = (group) => group.points.map((point) => point.name);

function choose(id) {
  current = groups.find((group) => group.id === id);
  for (const button of $("groups").children) {
    const on = button.dataset.group === id;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
  text("group-title", current.title);
  text("hint", current.hint);
  canvas.setGroup(id === ALL ? null : id, id === ALL ? closeUp() : names(current));
  showChosen();
  update();
}

/** The face's own points, without the head's outline and the shoulders, which may fill the whole picture. */
function closeUp() {
  const face = model.groups.filter((group) => group.id !== "outline");
  return face.flatMap(names);
}

function showChosen() {
  const name = canvas.selected;
  text("chosen", name ? canvas.label(name) : "No point selected");
  text("position", name ? model.points[name].map((value) => value.toFixed(1)).join(", ") : "");
  guide.show(current.id, names(current), name);
}

function changed() {
  complain("save", "");
  showChosen();
  server.offer(model.points);
}

/** Whether work of the user's hands goes with this page: a proposal can be had again. */
function wouldBeLost() {
  return model.differs(model.names, saved ?? model.proposal);
}

function update() {
  const editing = root.dataset.state === "editing";
  $("undo").disabled = model.past.length === 0;
  $("redo").disabled = model.future.length === 0;
  $("reset").disabled = !model.differs(names(current));
  $("closed-row").hidden = !names(current).includes(model.twins[0]?.[0]);
  $("closed").checked = model.isClosed();
  text("reset", current.id === ALL ? "Back to the proposal" : `${current.tab} back to the proposal`);
  $("save").disabled = !editing || problems.points !== "";
  if (!editing) return;
  const [changed, unchanged] = saved === null ? ["Changed, not saved yet", "Not saved yet"] : ["Unsaved changes", "As saved"];
  text("state", wouldBeLost() ? changed : unchanged);
  root.classList.toggle("dirty", saved === null || wouldBeLost());
}

function complain(about, words) {
  problems[about] = words;
  const shown = problems.points || problems.save || problems.preview;
  $("problem").hidden = !shown;
  // Only if it is another: else it would be read out again with each change.
  if ($("problem-text").textContent !== shown.replaceAll("`", "")) $("problem-text").replaceChildren(...pieces(shown));
  update();
}

// ---- Preview ---------------------------------------------------------------------------------------------------

function showPreview() {
  clearTimeout(waitingForPreview);
  $("stream").classList.remove("shown");
  if (document.hidden || server.over) return $("stream").removeAttribute("src"); // nobody looks: nothing is drawn
  // A new address each time: browsers do not ask again for one that they are showing.
  $("stream").src = `/stream.mjpg?prompt&t=${Date.now()}`;
  const wait = () => {
    const shown = $("stream").naturalWidth > 0;
    $("stream").classList.toggle("shown", shown);
    if (!shown) waitingForPreview = setTimeout(wait, 50);
  };
  wait();
}

function showMode(mode, close) {
  Object.assign(preview, { mode, close });
  for (const button of $("modes").children) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  $("nearer").setAttribute("aria-pressed", String(close));
}

async function setMode(mode, close) {
  showMode(mode, close);
  const { ok, problem } = await server.post("/mode", preview);
  if (!ok) complain("preview", problem);
}

function hear(news) {
  if (news.preview) {
    $("busy").classList.toggle("on", news.preview === "making");
    root.dataset.preview = news.preview;
    if (news.preview !== "making") complain("preview", news.problem ?? "");
  }
  if (news.taken_over) {
    server.over = true;
    finish("over", "Open in another tab", ["This avatar is being edited there now.", "Reload this page to go on here."]);
  }
}

// ---- The end ---------------------------------------------------------------------------------------------------

async function save() {
  if ($("save").disabled) return;
  root.dataset.state = "saving";
  text("state", "Saving");
  complain("save", "");
  const { ok, problem: words, response } = await server.post("/save", { points: model.points });
  if (!ok) {
    root.dataset.state = "editing";
    return complain("save", words); // the next try may succeed, so the button stays
  }
  const { name, next } = await response.json();
  const lines = next.flatMap(([words, command]) => [words, `\`${command}\``]);
  finish("saved", `${name} is saved`, [...lines, "You can close this page."]);
}

async function cancel() {
  if (wouldBeLost() && !(await askToLeave())) return;
  const { ok, problem: words } = await server.post("/cancel", {});
  if (!ok) return complain("preview", words);
  finish("over", "Nothing was saved", ["You can close this page."]);
}

function askToLeave() {
  $("ask").returnValue = "";
  $("ask").showModal();
  return new Promise((resolve) => {
    $("ask").addEventListener("close", () => resolve($("ask").returnValue === "leave"), { once: true });
  });
}

function lost(why) {
  if (why === "stranger") return finish("over", "This page belongs to an earlier run", ["Open the address that vcam shows now."]);
  finish("over", "vcam has ended", ["Nothing was saved.", "Run the command again to go on."]);
}

/** Covers the page with its last words; what stands in backticks is a command. */
function finish(state, title, lines) {
  server.over = true;
  root.dataset.state = state;
  root.classList.remove("dirty");
  showPreview();
  text("state", state === "saved" ? "Saved" : "Ended");
  text("end-title", title);
  $("end-text").replaceChildren(
    ...lines.map((line) => {
      const command = line.startsWith("`");
      const item = document.createElement(command ? "code" : "p");
      item.textContent = line.replaceAll("`", "");
      return item;
    }),
  );
  $("end").hidden = false;
  for (const part of document.querySelectorAll("main, .top button")) part.inert = true;
  $("end").focus();
}

// ---- Hands -----------------------------------------------------------------------------------------------------

function setBoth(on) {
  canvas.both = on;
  $("both").checked = on;
  canvas.draw();
}

function setHidden(on) {
  canvas.setBare(on);
  $("hide").setAttribute("aria-pressed", String(on));
}

// While a point is held its step is not complete, and the hand would set it again.
const undo = () => canvas.drag || model.undo();
const redo = () => canvas.drag || model.redo();
const showCurrent = () => canvas.show(current.id === ALL ? closeUp() : names(current));

const keys = {
  h: () => setHidden($("hide").getAttribute("aria-pressed") !== "true"),
  s: () => setBoth(!canvas.both),
  "+": () => canvas.view.zoom(1.4, undefined, undefined, true),
  "=": () => canvas.view.zoom(1.4, undefined, undefined, true),
  "-": () => canvas.view.zoom(1 / 1.4, undefined, undefined, true),
  0: () => canvas.showAll(),
  1: showCurrent,
};

function listenToHands() {
  $("undo").addEventListener("click", undo);
  $("redo").addEventListener("click", redo);
  $("hide").addEventListener("click", keys.h);
  $("smaller").addEventListener("click", keys["-"]);
  $("larger").addEventListener("click", keys["+"]);
  $("whole").addEventListener("click", keys[0]);
  $("close").addEventListener("click", showCurrent);
  $("reset").addEventListener("click", () => model.reset(names(current)));
  $("both").addEventListener("change", () => setBoth($("both").checked));
  $("closed").addEventListener("change", () => model.setClosed($("closed").checked));
  $("save").addEventListener("click", save);
  $("cancel").addEventListener("click", cancel);
  document.addEventListener("keydown", (event) => {
    if (root.dataset.state !== "editing" || $("ask").open) return;
    const key = event.key.toLowerCase();
    let action;
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      action = { s: save, y: redo, z: event.shiftKey ? redo : undo }[key];
    } else if (!event.altKey && !event.repeat) action = keys[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  document.addEventListener("visibilitychange", showPreview);
  addEventListener("beforeunload", (event) => {
    if (root.dataset.state === "editing" && wouldBeLost()) event.preventDefault();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // from the browser's memory: what the server knows may be newer
  });
}

start();
