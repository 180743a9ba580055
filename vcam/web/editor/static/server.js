// The conversation with vcam: what is sent, one request at a time and always the newest, and what is heard.

const PAUSE_MS = 90; // while a point is dragged, the preview is asked for no oftener than this
const RETRY_MS = 1000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the server says about a request that it refused. */
async function refusal(response) {
  const { error, hint } = await response.json().catch(() => ({ error: `vcam refused this (${response.status}).` }));
  return [error, hint].filter(Boolean).join(" ");
}

export class Server extends EventTarget {
  constructor() {
    super();
    this.over = false;
    this.waiting = null; // points to be sent
    this.sending = false;
  }

  async state() {
    const response = await fetch("/state.json", { cache: "no-store" });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }

  /** Resolves to an empty text, or to what was wrong. */
  async post(path, body) {
    try {
      const response = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { ok: response.ok, problem: response.ok ? "" : await refusal(response), response };
    } catch {
      return { ok: false, problem: "vcam does not answer.", response: null };
    }
  }

  /** Sends the newest points, now or when the request before is through; tells "accepted" with what was wrong. */
  async offer(points) {
    this.waiting = points;
    if (this.sending) return;
    this.sending = true;
    while (this.waiting && !this.over) {
      const newest = this.waiting;
      this.waiting = null;
      const { problem } = await this.post("/points", { points: newest });
      if (!this.waiting) this.tell("accepted", problem);
      await sleep(PAUSE_MS);
    }
    this.sending = false;
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Hears the server out, line by line. As long as this lasts, vcam knows that the page is open. */
  async listen() {
    let failures = 0;
    while (!this.over) {
      try {
        const response = await fetch("/events", { cache: "no-store" });
        if (response.status === 403) return this.tell("lost", "stranger");
        if (response.ok) {
          failures = 0;
          await this.hear(response.body.pipeThrough(new TextDecoderStream()).getReader());
        }
      } catch (error) {
        if (error.name !== "TypeError") throw error; // what fetch and its streams raise when nobody answers
      }
      if (this.over) return;
      if (++failures > 2) return this.tell("lost", "gone");
      await sleep(RETRY_MS);
    }
  }

  async hear(reader) {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line) this.tell("news", JSON.parse(line));
      }
      if (this.over) return void reader.cancel();
    }
  }
}
