"use strict";

// Three independent pieces: the page's view of the session (poll, show), the picture, and the sound.

const POLL_MS = 200;
const POLL_HIDDEN_MS = 2000;
const RETRY_MS = 1000;
const ASLEEP_MS = 15000; // a gap this long between two polls means that the computer slept
const METER_FLOOR_DB = -60;
const NOTES_SHOWN = 3; // the newest; more would leave no room for the picture

const root = document.documentElement;
const $ = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (new URLSearchParams(location.search).get("bare") === "1") root.dataset.bare = "";

function text(id, value) {
  const element = $(id);
  if (element.textContent !== value) element.textContent = value;
}

// ---- The picture -------------------------------------------------------------------------------------------------

const picture = {
  img: $("stream"),

  start() {
    // A new address each time: browsers do not ask again for one that they are showing.
    this.img.src = `/stream.mjpg?prompt&t=${Date.now()}`;
    this.watch();
  },

  // Browsers differ in the events of an endless picture, but all of them know its width once the first part is there.
  watch() {
    clearTimeout(this.timer);
    const shown = this.img.naturalWidth > 0;
    $("picture").classList.toggle("has-picture", shown);
    if (!shown) this.timer = setTimeout(() => this.watch(), 50);
  },
};

picture.img.addEventListener("error", () => {
  if (session.reachable) setTimeout(() => picture.start(), RETRY_MS);
});

async function toggleFullScreen() {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await $("picture").requestFullscreen();
  } catch (error) {
    notes.inform("fullscreen", `Full screen is not possible here: ${error.message}`);
  }
}

// ---- Notes -------------------------------------------------------------------------------------------------------

const notes = {
  dismissed: new Set(),
  shown: new Map(),

  /** Makes the list of warnings on the page equal to the session's, less what was dismissed. */
  warn(warnings) {
    const current = new Set(warnings.slice(-NOTES_SHOWN));
    for (const key of this.dismissed) if (!current.has(key)) this.dismissed.delete(key);
    for (const [key, item] of this.shown) {
      if (item.className === "warning" && !current.has(key)) this.remove(key);
    }
    for (const warning of current) {
      if (!this.dismissed.has(warning)) this.add(warning, warning, "warning");
    }
  },

  inform(key, message) {
    this.remove(key);
    this.add(key, message, "info");
  },

  add(key, message, kind) {
    if (this.shown.has(key)) return;
    const item = $("note").content.firstElementChild.cloneNode(true);
    item.className = kind;
    // What stands between backticks is a command.
    message.split("`").forEach((piece, n) => {
      const node = document.createElement(n % 2 ? "code" : "span");
      node.textContent = piece;
      item.querySelector("p").append(node);
    });
    item.querySelector("button").addEventListener("click", () => {
      if (kind === "warning") this.dismissed.add(key);
      this.remove(key);
    });
    this.shown.set(key, item);
    $("notes").append(item);
  },

  remove(key) {
    this.shown.get(key)?.remove();
    this.shown.delete(key);
  },
};

// ---- The session -------------------------------------------------------------------------------------------------

const WORDS = {
  connecting: "Connecting",
  starting: "Starting",
  live: "Live",
  muted: "Muted",
  paused: "Paused",
  cut: "Cut",
  degraded: "Degraded",
  stopping: "Stopping",
  failed: "Failed",
  ended: "Ended",
};

const session = {
  reachable: false,
  run: "", // changes whenever the server starts anew, which ends every stream
  muted: false,
  paused: false,
  cut: false,
  failures: 0,

  async poll() {
    for (let last = Date.now(); ; last = Date.now()) {
      await this.ask();
      await sleep(this.reachable ? (document.hidden ? POLL_HIDDEN_MS : POLL_MS) : RETRY_MS);
      if (this.reachable && Date.now() - last > ASLEEP_MS) picture.start();
    }
  },

  async ask() {
    let response;
    try {
      response = await fetch("/status.json", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    } catch {
      // One request may fail by chance; two in a row mean that nobody is there.
      if (++this.failures > 1) this.lost("Session ended", "The picture comes back by itself when vcam does.", true);
      return;
    }
    if (response.status === 403) {
      return this.lost("A new session is running", "Open the address that vcam shows now: each session has its own key.", false);
    }
    if (!response.ok) return; // a passing trouble of the session's, which the picture will show
    const status = await response.json();
    this.failures = 0;
    if (!this.reachable || status.preview.run !== this.run) {
      this.reachable = true;
      this.run = status.preview.run;
      picture.start();
      sound.resume();
    }
    this.show(status);
  },

  lost(title, message, hopeful) {
    this.reachable = false;
    this.setState("ended");
    enable(false);
    say(title, message, hopeful);
  },

  setState(state) {
    if (root.dataset.state === state) return;
    root.dataset.state = state;
    text("state", WORDS[state]);
    document.title = state === "live" ? "vcam preview" : `${WORDS[state]} · vcam preview`;
  },

  show(status) {
    const { preview } = status;
    const aspect = String(preview.width / preview.height);
    if (root.style.getPropertyValue("--aspect") !== aspect) root.style.setProperty("--aspect", aspect);
    text("help-size", `${preview.width} × ${preview.height}`);
    $("bar").hidden = !preview.controllable;

    this.paused = status.paused ?? status.state === "paused";
    this.muted = status.muted ?? status.state === "muted";
    this.cut = status.cut ?? status.state === "cut";
    const passing = ["starting", "degraded", "stopping", "failed"].includes(status.state);
    this.setState(this.cut ? "cut" : passing ? status.state : this.paused ? "paused" : this.muted ? "muted" : "live");

    const full = preview.viewers >= preview.viewers_limit && picture.img.naturalWidth === 0;
    if (full) say("Too many viewers", `${preview.viewers_limit} pages show this picture already. Close one of them.`, true);
    else if (picture.img.naturalWidth === 0) say("Waiting for the first picture", "", true);
    else $("message").hidden = true;

    $("tag").hidden = !this.cut && !this.paused && !this.muted;
    text("tag", this.cut ? "Cut: others see this card and hear nothing" : this.paused ? "Paused: the portrait rests" : "Muted: the portrait does not speak");
    button("mute", this.muted, this.muted ? "Unmute" : "Mute");
    button("pause", this.paused && !this.cut, this.paused && !this.cut ? "Resume" : "Pause");
    button("cut", this.cut, this.cut ? "Back" : "Cut");
    enable(true);

    if (preview.controllable) {
      text("who", [status.avatar, status.profile].filter(Boolean).join(" · "));
      showVoice(status.audio ?? {});
      showFacts(status);
      notes.warn([...(status.warnings ?? []), status.error].filter(Boolean).map(String));
    }
  },

  async act(action) {
    let problem = "";
    try {
      const response = await fetch(`/control/${action}`, { method: "POST" });
      if (response.status === 409) problem = (await response.json().catch(() => ({}))).error ?? "there is no session";
      else if (!response.ok) problem = await response.text();
    } catch {
      problem = "vcam does not answer";
    }
    if (problem) notes.inform("act", `That did not work: ${problem}`);
    else notes.remove("act");
    await this.ask();
  },
};

function say(title, message, busy) {
  text("message-title", title);
  text("message-text", message);
  $("message").querySelector(".dots").hidden = !busy;
  $("message").hidden = false;
}

/** A button that says what pressing it will do. */
function button(id, on, label) {
  const element = $(id);
  element.toggleAttribute("data-on", on);
  const caption = element.querySelector("span");
  if (caption.textContent === label) return;
  caption.textContent = label;
  element.title = `${label} (${element.getAttribute("aria-keyshortcuts")})`;
}

function enable(possible) {
  for (const id of ["mute", "pause", "cut", "listen"]) $(id).disabled = !possible;
  if (session.cut) $("pause").disabled = true; // only its own button takes the card away
}

const known = (value) => typeof value === "number" && Number.isFinite(value);
const rounded = (value, digits = 0) => (known(value) ? value.toFixed(digits).replace(/\.0+$/, "") : "–");

function showVoice(audio) {
  const level = known(audio.level_dbfs) ? Math.max(METER_FLOOR_DB, Math.min(0, audio.level_dbfs)) : METER_FLOOR_DB;
  const speaks = audio.speech === true && !session.muted && !session.paused;
  $("level").style.transform = `translateX(${(-100 * level) / METER_FLOOR_DB}%)`;
  $("meter").classList.toggle("speech-on", speaks);
  $("meter").setAttribute("aria-valuenow", level.toFixed(0));
  $("meter").setAttribute("aria-valuetext", level > METER_FLOOR_DB ? `${level.toFixed(0)} dB` : "no sound");
  $("speech").classList.toggle("on", speaks);
  text("speech", session.cut ? "Cut" : session.muted ? "Muted" : session.paused ? "Paused" : speaks ? "Speaking" : "Quiet");
  text("level-text", level > METER_FLOOR_DB ? `${level.toFixed(0)} dB`.replace("-", "−") : "–");
  const rate = known(audio.sample_rate) ? `${rounded(audio.sample_rate / 1000, 1)} kHz` : "";
  const overruns = audio.overruns ? `${audio.overruns} overruns` : "";
  text("microphone", audio.device ?? "");
  $("microphone").title = [audio.device, rate, overruns].filter(Boolean).join(" · ");
}

function showFacts({ animator, camera = {}, latency_ms: latency = {}, preview }) {
  text("animator", animator || "–");
  text("compute", known(latency.compute_p50) ? `${rounded(latency.compute_p50, 1)} ms a frame` : "");
  text("camera", `${camera.width ?? preview.width} × ${camera.height ?? preview.height}`);
  const skipped = camera.skipped ? ` · ${camera.skipped} skipped` : "";
  text("frames", `${rounded(camera.fps ?? preview.fps, 1)} fps${skipped}`);
  text("delay", known(latency.total) ? `${rounded(latency.total)} ms` : "–");
  const parts = [
    ["a", latency.algorithmic, "look-ahead"],
    // What the session allows for is what the delay is made of; what it really takes stands beside the animator.
    ["c", latency.compute_allowed ?? latency.compute_p95, "compute"],
    ["d", latency.device, "device"],
  ];
  for (const [key, value, name] of parts) {
    $("split").querySelector(`.${key}`).style.flexGrow = known(value) ? String(value) : "0";
    text(`delay-${key}`, known(value) ? `${rounded(value)} ${name}` : "");
  }
}

// ---- The sound ---------------------------------------------------------------------------------------------------

const RATE = 16000;
const LEAD_S = 0.08; // how far ahead of the speaker sound is kept, against jitter
const MAX_LEAD_S = 0.2; // more than this would be heard too far behind the lips: sound is dropped until it is LEAD_S again

const sound = {
  wanted: false,
  context: null,
  running: false,

  async toggle() {
    this.wanted = !this.wanted;
    $("listen").setAttribute("aria-pressed", String(this.wanted));
    if (!this.wanted) return this.stop();
    notes.inform("listen", "You hear your voice in step with the lips. Use headphones, or the microphone hears it again.");
    // Made here, in the click: browsers let pages sound only when asked to.
    this.context ??= new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    await this.context.resume();
    await this.play();
  },

  stop() {
    notes.remove("listen");
    this.request?.abort();
    this.context?.close();
    this.context = null;
  },

  resume() {
    if (this.wanted) this.play();
  },

  async play() {
    if (this.running) return;
    this.running = true;
    try {
      while (this.wanted && session.reachable) {
        this.request = new AbortController();
        const response = await fetch("/audio", { signal: this.request.signal });
        if (response.ok) await this.schedule(response.body.getReader());
        else notes.inform("listen", await response.text());
        if (this.wanted) await sleep(RETRY_MS);
      }
    } catch (error) {
      // An abort is our own doing; anything else means that the server went away, and `resume` follows when it is back.
      if (error.name !== "AbortError" && error.name !== "TypeError") throw error;
    } finally {
      this.running = false;
    }
    if (this.wanted && session.reachable) setTimeout(() => this.resume(), RETRY_MS);
  },

  async schedule(reader) {
    let due = 0;
    let late = false;
    let half = new Uint8Array(0); // a sample may be cut in two by the network
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const bytes = new Uint8Array(half.length + value.length);
      bytes.set(half);
      bytes.set(value, half.length);
      const count = bytes.length >> 1;
      half = bytes.slice(count * 2);
      if (count === 0) continue;

      const now = this.context.currentTime;
      if (due < now) due = now + LEAD_S;
      late = due > now + (late ? LEAD_S : MAX_LEAD_S);
      if (late) continue;
      const view = new DataView(bytes.buffer);
      const buffer = this.context.createBuffer(1, count, RATE);
      const samples = buffer.getChannelData(0);
      for (let n = 0; n < count; n++) samples[n] = view.getInt16(2 * n, true) / 32768;
      const source = new AudioBufferSourceNode(this.context, { buffer });
      source.connect(this.context.destination);
      source.start(due);
      due += count / RATE;
    }
  },
};

// ---- Hands -------------------------------------------------------------------------------------------------------

const actions = {
  m: () => session.act(session.muted ? "unmute" : "mute"),
  p: () => session.cut || session.act(session.paused ? "resume" : "pause"),
  c: () => session.act(session.cut ? "resume" : "cut"),
  l: () => sound.toggle(),
  f: toggleFullScreen,
};

$("mute").addEventListener("click", actions.m);
$("pause").addEventListener("click", actions.p);
$("cut").addEventListener("click", actions.c);
$("listen").addEventListener("click", actions.l);
$("full").addEventListener("click", actions.f);
$("picture").addEventListener("dblclick", (event) => {
  if (!event.target.closest("button")) toggleFullScreen();
});
$("help-open").addEventListener("click", () => $("help").showModal());
$("help").addEventListener("click", (event) => {
  if (event.target === $("help")) $("help").close(); // the backdrop
});
document.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  const action = actions[event.key.toLowerCase()];
  if (!plain || !action || $("help").open || "bare" in root.dataset) return;
  if (event.key.toLowerCase() !== "f" && ($("bar").hidden || $("mute").disabled)) return;
  event.preventDefault();
  action();
});

session.poll();
