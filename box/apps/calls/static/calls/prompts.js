// What callers of a menu hear: the browser makes of any sound that it can read what every PBX plays.

export const RATE = 8000;

// One channel of 16-bit PCM, as WAV.
export function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, said) => [...said].forEach((sign, n) => view.setUint8(at + n, sign.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((one, n) => view.setInt16(44 + 2 * n, Math.max(-1, Math.min(1, one)) * 32767, true));
  return new Uint8Array(view.buffer);
}

// All channels in one, as loud as they are together on the mean.
export function mixed(channels) {
  return channels[0].map((_one, n) => channels.reduce((sum, channel) => sum + channel[n], 0) / channels.length);
}

// Raises whatever the browser says of a sound that it cannot read.
async function spoken(bytes) {
  // What is decoded for a context comes at its rate.
  const heard = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  return mixed(Array.from({ length: heard.numberOfChannels }, (_one, n) => heard.getChannelData(n)));
}

async function convert(input) {
  const [file] = input.files;
  input.setCustomValidity("");
  if (!file) return;
  try {
    const samples = await spoken(await file.arrayBuffer());
    if (samples.length > RATE * Number(input.dataset.most)) throw new RangeError("too long");
    const made = new DataTransfer();
    made.items.add(new File([wav(samples)], `${file.name.replace(/\.\w+$/, "")}.wav`, { type: "audio/wav" }));
    input.files = made.files;
  } catch {
    input.setCustomValidity(input.dataset.unfit);
    input.reportValidity();
  }
}

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-call-prompt]")) convert(target);
});
