// What callers of a menu hear: whatever sound is chosen becomes what every PBX plays.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

import { find, page } from "./portal.mjs";

let made;

before(async () => {
  page();
  made = await import("../../box/apps/calls/static/calls/prompts.js");
});

beforeEach(() => {
  page('<input type="file" data-call-prompt data-most="2" data-unfit="No sound">');
});

test("samples become 16-bit PCM, and what is too loud is cut", () => {
  const view = new DataView(made.wav(Float32Array.of(0, 1, -1, 2, 0.5)).buffer);
  const text = (at) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
  assert.deepEqual([text(0), text(8), text(12), text(36)], ["RIFF", "WAVE", "fmt ", "data"]);
  assert.deepEqual([view.getUint32(4, true), view.getUint32(40, true)], [46, 10]);
  assert.deepEqual([view.getUint16(22, true), view.getUint32(24, true), view.getUint16(34, true)], [1, 8000, 16]);
  const samples = [0, 1, 2, 3, 4].map((n) => view.getInt16(44 + 2 * n, true));
  assert.deepEqual(samples, [0, 32767, -32767, 32767, 16383]);
});

test("several channels become their mean", () => {
  assert.deepEqual([...made.mixed([Float32Array.of(1, 0), Float32Array.of(0, -1)])], [0.5, -0.5]);
  assert.deepEqual([...made.mixed([Float32Array.of(0.25)])], [0.25]);
});

// In place of the browser's own decoder, which is seen in a browser only.
function decoding(channels) {
  globalThis.OfflineAudioContext = class {
    async decodeAudioData() {
      if (!channels) throw new Error("no sound");
      return { numberOfChannels: channels.length, getChannelData: (n) => channels[n] };
    }
  };
  globalThis.DataTransfer = class {
    files = [];
    items = { add: (file) => this.files.push(file) };
  };
}

async function choose(channels) {
  decoding(channels);
  const input = find("input");
  const said = [];
  let files = [new File(["x"], "welcome.mp3")];
  Object.defineProperty(input, "files", { configurable: true, get: () => files, set: (given) => (files = given) });
  input.setCustomValidity = (text) => said.push(text);
  input.reportValidity = () => {};
  input.dispatchEvent(new Event("change", { bubbles: true }));
  await new Promise((done) => setTimeout(done, 20));
  return { files, said };
}

test("the file that is sent is the one that was made of the chosen one", async () => {
  const { files, said } = await choose([new Float32Array(16000)]);
  assert.deepEqual([files[0].name, files[0].type, files[0].size], ["welcome.wav", "audio/wav", 44 + 32000]);
  assert.deepEqual(said, [""]);
});

test("what is no sound, or too long, is said before it is sent", async () => {
  for (const channels of [null, [new Float32Array(16001)]]) {
    const { files, said } = await choose(channels);
    assert.equal(files[0].name, "welcome.mp3");
    assert.deepEqual(said, ["", "No sound"]);
  }
});
