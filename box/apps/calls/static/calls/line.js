// The line of a phone in the browser: SIP over the portal's own address, sound straight between browser and PBX.
// One tab has it (see phone.js). What it does is told as one plain object, `line.state`, whenever that changes.

import { UA, WebSocketInterface } from "../vendor/jssip.js";

const REGISTERS_FOR = 90;
// A password is on the PBX within a second: who comes earlier comes again.
const TRIES_AGAIN_MS = [500, 1000, 2000, 4000, 8000];
// Sound that is away for a moment comes back by itself.
const LOST = new Set(["disconnected", "failed"]);
const LOST_AFTER_MS = 3000;
const RETURNED = "X-Korobka-Return";

/** Each connection has a new ticket: they are good for two minutes. */
class TicketSocket extends WebSocketInterface {
  constructor(give) {
    super(`wss://${location.host}/phone/`);
    this.give = give;
  }

  connect() {
    if (this.isAsking || this.isConnected() || this.isConnecting()) return;
    this.isAsking = true;
    this.give()
      .then(({ socket }) => {
        this._url = `wss://${location.host}${socket}`;
        this.isAsking = false;
        super.connect();
      })
      .catch(() => {
        this.isAsking = false;
        this.ondisconnect(true, 1006, "no ticket");
      });
  }

  /** Nobody says of a connection that belongs to the network from before that nothing passes any more. */
  renew() {
    if (!this.isConnected()) return;
    this.disconnect();
    this.ondisconnect(true, 1006, "another network");
  }
}

export class Line {
  relays = [];
  #calls = new Map();
  #ua = null;
  #socket = new TicketSocket(() => this.#refresh());
  #refusals = 0;
  #isRegistered = false;
  #trouble = "";

  /** `give` asks the portal for what the line needs; `changed` hears of every change; `audio` plays. */
  constructor({ give, changed, audio, devices, expectsReturn }) {
    Object.assign(this, { give, changed, audio, devices, expectsReturn });
  }

  async start() {
    const given = await this.#refresh();
    this.#ua = new UA({
      sockets: [this.#socket],
      uri: `sip:${given.number}@${location.hostname}`,
      authorization_user: given.number,
      password: given.password,
      register_expires: REGISTERS_FOR,
      session_timers: false,
      connection_recovery_min_interval: 2,
      connection_recovery_max_interval: 30,
    });
    this.#ua.on("registered", () => this.#registered());
    this.#ua.on("unregistered", () => this.#away());
    this.#ua.on("disconnected", () => this.#away());
    this.#ua.on("registrationFailed", ({ response }) => this.#refused(response?.status_code));
    this.#ua.on("newRTCSession", ({ originator, session, request }) => {
      if (originator === "remote") this.#rung(session, request);
    });
    // From one network into another: who calls now must find the telephone.
    addEventListener("online", () => this.#socket.renew());
    this.#ua.start();
  }

  get state() {
    const calls = [...this.#calls.values()].map(({ session, ...call }) => ({
      ...call,
      isHeld: session.isEstablished() && session.isOnHold().local,
      isMuted: Boolean(session.isMuted().audio),
    }));
    return { isReady: this.#isRegistered, trouble: this.#trouble, calls };
  }

  get talksTo() {
    return [...this.#calls.values()].filter(({ phase }) => phase === "talks");
  }

  dial(goal, shown, passes = null) {
    this.#holdOthers();
    const session = this.#ua.call(`sip:${goal}@${location.hostname}`, {
      ...this.#media(),
      eventHandlers: { peerconnection: ({ peerconnection }) => this.#hear(peerconnection) },
    });
    this.#follow(session, { phase: "dials", who: shown, number: goal, isIncoming: false, passes });
  }

  answer(id) {
    const call = this.#calls.get(id);
    if (call?.phase !== "rings") return;
    this.#holdOthers(id);
    call.session.answer(this.#media());
  }

  hangUp(id) {
    const call = this.#calls.get(id);
    // Busy, to whoever rings: it rings nowhere else of this person's.
    call?.session.terminate(call.phase === "rings" ? { status_code: 486 } : undefined);
  }

  mute(id) {
    const { session } = this.#calls.get(id) ?? {};
    session?.[session.isMuted().audio ? "unmute" : "mute"]({ audio: true });
    this.changed();
  }

  hold(id) {
    const { session } = this.#calls.get(id) ?? {};
    if (!session?.isEstablished()) return;
    if (session.isOnHold().local) {
      this.#holdOthers(id);
      session.unhold();
    } else session.hold();
  }

  press(id, key) {
    this.#calls.get(id)?.session.sendDTMF(key, { transportType: "RFC2833" });
  }

  /** At once: whoever is on the line is sent there. */
  pass(id, goal) {
    const call = this.#calls.get(id);
    call?.session.refer(`sip:${goal}@${location.hostname}`, this.#passing(call.session));
  }

  /** Whoever was asked first is connected with whoever waits meanwhile. */
  join(id) {
    const asked = this.#calls.get(id);
    const waiting = this.#calls.get(asked?.passes);
    if (!waiting?.session.isEstablished() || !asked.session.isEstablished()) return;
    const goal = asked.session.remote_identity.uri;
    waiting.session.refer(goal, { ...this.#passing(waiting.session, asked.session), replaces: asked.session });
  }

  #passing(...sessions) {
    const fail = () => this.#say("passing");
    const accepted = () => {
      for (const one of sessions) if (!one.isEnded()) one.terminate();
    };
    return { eventHandlers: { accepted, failed: fail, requestFailed: fail } };
  }

  async #refresh() {
    const given = await this.give();
    if (this.#ua) this.#ua.set("password", given.password);
    this.relays = given.relays;
    clearTimeout(this.timer);
    // A new one is given in the second half of its time.
    this.timer = setTimeout(() => this.#refresh().catch(() => {}), (given.seconds / 2 + 5) * 1000);
    return given;
  }

  #registered() {
    this.#isRegistered = true;
    this.#refusals = 0;
    this.#trouble = "";
    // Where calls go on the connection was lost meanwhile.
    for (const { session } of this.talksTo) this.#renew(session);
    this.changed();
  }

  #away() {
    this.#isRegistered = false;
    this.changed();
  }

  async #refused(status) {
    this.#away();
    // Without an answer the connection is lost, whether anybody says so or not, and JsSIP makes another. With one,
    // Asterisk (500 at first) or a password that another browser has outlived may need a moment.
    if (!status) return this.#socket.renew();
    const wait = TRIES_AGAIN_MS[Math.min(this.#refusals++, TRIES_AGAIN_MS.length - 1)];
    if (this.#refusals > TRIES_AGAIN_MS.length) this.#say("refused");
    await new Promise((done) => setTimeout(done, wait));
    await this.#refresh().catch(() => {});
    this.#ua.register();
  }

  #rung(session, request) {
    const { display_name: name, uri } = session.remote_identity;
    const call = { phase: "rings", who: name || uri.user, number: uri.user, isIncoming: true };
    this.#follow(session, call);
    session.on("peerconnection", ({ peerconnection }) => this.#hear(peerconnection));
    // Somebody who waited while this page was loaded: they were on the line already.
    if (request.getHeader(RETURNED) && this.expectsReturn()) this.answer(session.id);
  }

  #follow(session, about) {
    const call = { id: session.id, since: Date.now(), passes: null, ...about, session };
    this.#calls.set(session.id, call);
    const over = ({ cause, originator }) => {
      this.#calls.delete(session.id);
      if (cause === "User Denied Media Access") this.#trouble = "microphone";
      else if (!call.isIncoming && call.phase === "dials" && originator === "remote") this.#trouble = cause;
      this.changed();
    };
    // JsSIP ends a call whose question a lost connection has swallowed; over the next one it is asked anew.
    for (const loss of ["onTransportError", "onRequestTimeout"]) {
      const end = session[loss].bind(session);
      session[loss] = () => (session.isEstablished() ? this.#socket.renew() : end());
    }
    session.on("confirmed", () => {
      if (call.phase !== "talks") Object.assign(call, { phase: "talks", since: Date.now() });
      this.#trouble = "";
      this.changed();
    });
    session.on("ended", over);
    session.on("failed", over);
    for (const event of ["hold", "unhold", "muted", "unmuted"]) session.on(event, () => this.changed());
    this.changed();
  }

  #hear(connection) {
    connection.addEventListener("track", ({ streams }) => {
      this.audio.srcObject = streams[0];
      this.audio.play().catch(() => {});
    });
    const isLost = () => LOST.has(connection.iceConnectionState);
    connection.addEventListener("iceconnectionstatechange", () => {
      if (isLost()) setTimeout(() => isLost() && this.#socket.renew(), LOST_AFTER_MS);
    });
  }

  /** The PBX hears from where the telephone speaks now, and the sound finds its way anew. */
  #renew(session) {
    if (!session.isEstablished() || !this.#isRegistered) return;
    const isAsked = session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
    if (!isAsked) setTimeout(() => this.#renew(session), 1000);
  }

  #holdOthers(id = null) {
    for (const { session, ...call } of this.#calls.values())
      if (call.id !== id && session.isEstablished() && !session.isOnHold().local) session.hold();
  }

  #media() {
    const { microphone } = this.devices();
    const audio = microphone ? { deviceId: { ideal: microphone } } : true;
    return { mediaConstraints: { audio, video: false }, pcConfig: { iceServers: this.relays } };
  }

  #say(trouble) {
    this.#trouble = trouble;
    this.changed();
  }
}
