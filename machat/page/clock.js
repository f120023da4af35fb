// @ts-check
/**
 * A clock for durations: it is never set back, and includes the time in which the computer sleeps.
 *
 * @module
 */

/** A difference between the two clocks that is counted as sleep, milliseconds. `performance.now()`
 * stands still during sleep in some browsers; the system clock can be set back. */
const SLEEP = 1_000;

let wall = Date.now();
let monotonic = performance.now();
let slept = 0;

/** @returns {number} Milliseconds since an arbitrary moment. */
export function now() {
  const wallNow = Date.now();
  const monotonicNow = performance.now();
  const ahead = wallNow - wall - (monotonicNow - monotonic);
  if (ahead > SLEEP) slept += ahead;
  wall = wallNow;
  monotonic = monotonicNow;
  return monotonicNow + slept;
}
