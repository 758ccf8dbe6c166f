// How a phone in the browser rings: by a tone, by a notice where the tab is not seen, and by the tab's title.

const BEAT_MS = 3000;
const TONES = [425, 475];

export class Ringing {
  #context = null;
  #timer = null;
  #notice = null;
  #title = "";

  begin(text, onClick) {
    if (this.#timer) return;
    this.#title = document.title;
    document.title = `☎ ${text}`;
    this.#sound();
    this.#timer = setInterval(() => this.#sound(), BEAT_MS);
    if (document.hidden && globalThis.Notification?.permission === "granted") {
      this.#notice = new Notification(text, { tag: "korobka-phone", requireInteraction: true });
      this.#notice.addEventListener("click", () => {
        window.focus();
        onClick();
      });
    }
  }

  end() {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#notice?.close();
    this.#context?.close();
    this.#context = null;
    if (document.title.startsWith("☎")) document.title = this.#title;
  }

  #sound() {
    // Before anybody has clicked in the page a browser plays nothing: then the notice tells.
    this.#context ??= new AudioContext();
    if (this.#context.state !== "running") return;
    const now = this.#context.currentTime;
    for (const hertz of TONES) {
      const tone = new OscillatorNode(this.#context, { frequency: hertz });
      const loudness = new GainNode(this.#context, { gain: 0.08 });
      tone.connect(loudness).connect(this.#context.destination);
      tone.start(now);
      tone.stop(now + 1);
    }
  }
}
