// @ts-check
/**
 * One connection: opened once, closed once, and known to be dead when nothing comes from it.
 *
 * @module
 */

/** From connecting to the welcome; between two questions whether the server is there, and for its
 * answer: milliseconds. */
const WELCOME = 10_000;
const PING = 25_000;
const PONG = 10_000;

/**
 * @typedef {object} Ends
 * @property {() => void} opened The hello can be sent.
 * @property {(event: any) => void} received Called with each object that the server sends.
 * @property {(code: number, reason: string) => void} closed Called once, when it is over, unless it
 *     was this end that closed it.
 */

export class Line {
  /** @type {WebSocket | null} */
  #socket;
  #ends;
  #heard = false;
  #asking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url
   * @param {Ends} ends
   */
  constructor(url, ends) {
    this.#ends = ends;
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => ends.opened();
    socket.onmessage = (message) => this.#received(message.data);
    socket.onclose = (close) => this.#over(close.code, close.reason);
    this.#timer = setTimeout(() => this.#over(1006, "no welcome"), WELCOME);
  }

  /** The server has said welcome: from now on it is asked now and then whether it is there. */
  welcomed() {
    this.#later(PING);
  }

  /**
   * @param {string} command JSON. It is lost if the connection is.
   */
  send(command) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(command);
  }

  /** Ask whether the server is there, now. */
  probe() {
    if (this.#asking) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    this.#heard = false;
    this.send('{"type":"ping"}');
    this.#timer = setTimeout(() => this.#judge(), PONG);
  }

  /** Close it, and say no more. */
  close() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #judge() {
    this.#asking = false;
    if (this.#heard) this.#later(PING - PONG);
    else this.#over(1006, "no pong");
  }

  /** @param {number} delay */
  #later(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.probe(), delay);
  }

  /** @param {unknown} data */
  #received(data) {
    this.#heard = true;
    let event = null;
    try {
      event = JSON.parse(String(data));
    } catch {
      // not the chat's: as unknown as an event that a later server may have
    }
    if (event !== null && typeof event === "object") this.#ends.received(event);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #over(code, reason) {
    if (this.#socket !== null) {
      this.close();
      this.#ends.closed(code, reason);
    }
  }
}
