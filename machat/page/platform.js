// @ts-check
/**
 * The parts of its environment that a client uses. All timers, clocks, connections and random numbers of
 * a client come from one such object, so that a test can replace them.
 *
 * @module
 */

import { now } from "./clock.js";

/**
 * The interface of the platform's `WebSocket` that a client uses. The class `WebSocket` of the package
 * `ws` has it too.
 *
 * @typedef {object} Socket
 * @property {number} readyState
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 * @property {(data: string) => void} send
 * @property {() => void} close
 *
 * @typedef {new (url: string) => Socket} SocketClass
 *
 * @typedef {object} Platform
 * @property {SocketClass} WebSocket
 * @property {(call: () => void, delay: number) => any} setTimeout Calls a function once, after a delay in
 *     milliseconds. Returns the timer.
 * @property {(timer: any) => void} clearTimeout Stops a timer. Ignores `undefined`.
 * @property {() => number} now Returns milliseconds since an arbitrary moment. It is never set back.
 * @property {() => number} time Returns the time of day, as `Date.now()` does.
 * @property {() => number} random Returns a number from 0 up to, but not including, 1.
 */

/**
 * @param {Partial<Platform>} [replaced] The parts to replace.
 * @returns {Platform} The browser or Node.
 * @throws {TypeError} The platform has no `WebSocket`.
 */
export function platformWith({ WebSocket = globalThis.WebSocket, ...replaced } = {}) {
  if (WebSocket === undefined)
    throw new TypeError("this platform has no WebSocket: pass the option WebSocket");
  return {
    WebSocket,
    setTimeout: (call, delay) => setTimeout(call, delay),
    clearTimeout: (timer) => clearTimeout(timer),
    now,
    time: () => Date.now(),
    random: () => Math.random(),
    ...replaced,
  };
}
