// @ts-check
/**
 * Access to the browser's storages, which the user may have denied.
 *
 * @module
 */

/**
 * @param {() => Storage} storage
 * @param {string} key
 */
export function read(storage, key) {
  try {
    return storage().getItem(key);
  } catch {
    return null; // the browser denies access to the storage
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 * @param {string | null} value
 */
export function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // the browser denies access to the storage, or it is full
  }
}
