// Which square of a picture becomes the photo: the picture is moved and zoomed behind a round window.
//
//   <photo-square data-square="/photos/7/square/" data-picture="/photos/7/picture/">
//
// It stands in the form that sends the file. Without JavaScript the middle is taken, and nothing of this is shown.
// Whether the numbers can be is the server's to say; see box/core/people/photos.py, which has the same smallest square.

const PARTS = 8;
const SMALLEST = 96;
const STEP = 0.05;
const ZOOM = 1.15;

class PhotoSquare extends HTMLElement {
  connectedCallback() {
    const part = (name) => this.querySelector(`[data-${name}]`);
    this.choice = part("choice");
    this.stage = part("stage");
    this.zoom = part("zoom");
    this.lost = part("lost");
    this.sends = part("sends");
    this.cuts = part("cuts");
    this.again = part("again");
    this.picture = this.stage.querySelector("img");
    this.windows = [this.stage, ...this.querySelectorAll(".photo-previews > *")];
    this.fields = ["left", "top", "side"].map((name) => this.querySelector(`input[name=${name}]`));
    this.file = this.closest("form").elements.photo;
    this.pointers = new Map();
    this.ends = new AbortController();
    const on = (target, name, does, options = {}) =>
      target.addEventListener(name, does, { signal: this.ends.signal, ...options });
    on(this.file, "change", () => this.fromFile());
    if (this.again) {
      this.again.hidden = false;
      on(this.again, "click", () => this.fromKept());
    }
    on(this.zoom, "input", () => this.setSide(this.sideAt(Number(this.zoom.value))));
    on(this.stage, "keydown", (event) => this.key(event));
    on(this.stage, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.stage, "pointerdown", (event) => this.press(event));
    on(this.stage, "pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) on(this.stage, name, (event) => this.release(event));
    this.sizes = new ResizeObserver(() => this.width && this.draw());
    this.sizes.observe(this.stage);
    // The browser brings a form back with the file that was chosen in it.
    if (this.file.files.length) this.fromFile();
  }

  disconnectedCallback() {
    this.ends.abort();
    this.sizes.disconnect();
    this.letGo();
  }

  letGo() {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
  }

  async fromFile() {
    this.close();
    const [file] = this.file.files;
    if (!file) return;
    this.address = URL.createObjectURL(file);
    await this.open(this.address);
  }

  async fromKept() {
    this.file.value = "";
    this.close();
    const answer = await fetch(this.dataset.square, { headers: { Accept: "application/json" } });
    if (answer.redirected) return void location.assign(location.href);
    this.lost.hidden = answer.ok;
    if (!answer.ok) return;
    const square = await answer.json();
    if (!(await this.open(this.dataset.picture, square))) return void (this.lost.hidden = false);
    this.sends.hidden = true;
    this.cuts.hidden = false;
    this.stage.focus();
  }

  close() {
    this.choice.hidden = this.lost.hidden = true;
    this.width = 0;
    for (const field of this.fields) field.disabled = true;
    this.sends.hidden = false;
    if (this.cuts) this.cuts.hidden = true;
    this.letGo();
  }

  // Whether the browser can draw it. What it cannot draw is sent as it is: the server says what is wrong with it.
  async open(address, square) {
    const turn = (this.turn = Symbol(address));
    for (const one of this.windows) one.querySelector("img").src = address;
    try {
      await this.picture.decode();
    } catch {
      return false;
    }
    // Another picture was chosen meanwhile.
    if (turn !== this.turn) return false;
    [this.width, this.height] = [this.picture.naturalWidth, this.picture.naturalHeight];
    this.most = Math.min(this.width, this.height);
    this.least = Math.max(Math.floor(this.most / PARTS), Math.min(SMALLEST, this.most));
    this.choice.hidden = false;
    for (const field of this.fields) field.disabled = false;
    this.put(square ?? this.middle());
    return true;
  }

  middle() {
    const side = this.most;
    return { left: (this.width - side) / 2, top: (this.height - side) * 0.35, side };
  }

  put({ left, top, side }) {
    this.side = Math.min(Math.max(side, this.least), this.most);
    this.left = Math.min(Math.max(left, 0), this.width - this.side);
    this.top = Math.min(Math.max(top, 0), this.height - this.side);
    const whole = Math.round(this.side);
    const numbers = [
      Math.min(Math.round(this.left), this.width - whole),
      Math.min(Math.round(this.top), this.height - whole),
      whole,
    ];
    this.fields.forEach((field, at) => (field.value = numbers[at]));
    this.zoom.value = this.zoomAt(this.side);
    this.zoom.disabled = this.most === this.least;
    this.draw();
  }

  draw() {
    for (const one of this.windows) {
      const scale = one.clientWidth / this.side;
      const { style } = one.querySelector("img");
      style.width = `${this.width * scale}px`;
      style.height = `${this.height * scale}px`;
      style.translate = `${-this.left * scale}px ${-this.top * scale}px`;
    }
  }

  // Each step of the slider makes the square smaller by the same part.
  sideAt(zoom) {
    return this.most * (this.least / this.most) ** (zoom / 100);
  }

  zoomAt(side) {
    return this.most === this.least ? 0 : (100 * Math.log(side / this.most)) / Math.log(this.least / this.most);
  }

  // What is at this place of the window, in parts of it, stays there.
  setSide(wanted, x = 0.5, y = 0.5) {
    const side = Math.min(Math.max(wanted, this.least), this.most);
    const grown = side - this.side;
    this.put({ left: this.left - grown * x, top: this.top - grown * y, side });
  }

  move(x, y) {
    this.put({ left: this.left + x * this.side, top: this.top + y * this.side, side: this.side });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? STEP / 5 : STEP;
    const does = {
      ArrowLeft: () => this.move(step, 0),
      ArrowRight: () => this.move(-step, 0),
      ArrowUp: () => this.move(0, step),
      ArrowDown: () => this.move(0, -step),
      "+": () => this.setSide(this.side / ZOOM),
      "=": () => this.setSide(this.side / ZOOM),
      "-": () => this.setSide(this.side * ZOOM),
      Home: () => this.put(this.middle()),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  wheel(event) {
    event.preventDefault();
    // A wheel's notch is 100 pixels or some lines; a touchpad's fingers say a little, often.
    const notches = event.deltaMode ? Math.sign(event.deltaY) : event.deltaY / 100;
    this.setSide(this.side * ZOOM ** notches, ...this.place(event));
  }

  place({ clientX, clientY }) {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  }

  press(event) {
    if (event.button) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
  }

  // One finger moves the picture, two zoom it around what is between them.
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.place(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (!other) return this.move(before[0] - now[0], before[1] - now[1]);
    const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 0.01;
    this.setSide((this.side * apart(before)) / apart(now), (before[0] + other[0]) / 2, (before[1] + other[1]) / 2);
    this.move((before[0] - now[0]) / 2, (before[1] - now[1]) / 2);
  }

  release(event) {
    this.pointers.delete(event.pointerId);
  }
}

customElements.define("photo-square", PhotoSquare);
