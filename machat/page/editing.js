// @ts-check
/**
 * The time for which the author of a message may change it, by the clock of the server.
 *
 * @module
 */

/** The time of the server minus that of the browser, milliseconds; 0 until it is known. */
let ahead = 0;

/**
 * Compare the clocks.
 *
 * @param {number} at The time at which the server has numbered a message that has just arrived.
 */
export function compareClocks(at) {
  ahead = at - Date.now();
}

/**
 * @param {number} at The time of a message.
 * @param {number} seconds The time for which its author may change it.
 * @returns {boolean} Whether that time is not over yet.
 */
export function changeable(at, seconds) {
  return Date.now() + ahead - at <= seconds * 1000;
}
