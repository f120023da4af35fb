// @ts-check
/**
 * Notifications of the operating system, and a sound, while the page is hidden.
 *
 * @module
 */

import { setting } from "./settings.js";
import { phrase } from "./texts.js";

/** The maximum length of the text of a notification, characters. */
const LONGEST = 200;

/** The shortest interval between two sounds, milliseconds. */
const INTERVAL = 2_000;

/** The frequency of the sound, Hz, its duration, seconds, and its volume. */
const PITCH = 660;
const DURATION = 0.25;
const VOLUME = 0.1;

/**
 * Ask the user for the permission to show notifications, unless the answer is known. Call this only after
 * a click.
 *
 * @returns {Promise<NotificationPermission | "unsupported">}
 */
export async function permission() {
  if (!("Notification" in globalThis)) return "unsupported";
  return Notification.permission === "default"
    ? Notification.requestPermission()
    : Notification.permission;
}

export class Notifier {
  /** @type {AudioContext | null} */
  #audio = null;
  #sounded = 0;
  /** The last notification of each room. @type {Map<string, Notification>} */
  #shown = new Map();

  /**
   * Report a new message to a user who does not look at the page.
   *
   * @param {{from: string, text: string, mention: boolean}} message
   * @param {{name: string, direct: boolean}} room
   * @param {() => void} clicked Called when the user clicks on the notification.
   */
  message({ from, text, mention }, room, clicked) {
    if (document.visibilityState !== "hidden") return;
    const wanted = (/** @type {"sound" | "notifications"} */ name) =>
      setting(name) === "all" || (mention && setting(name) === "mentions");
    if (wanted("sound")) this.#sound();
    if (wanted("notifications")) this.#show({ from, text }, room, clicked);
  }

  /**
   * @param {{from: string, text: string}} message
   * @param {{name: string, direct: boolean}} room
   * @param {() => void} clicked
   */
  #show({ from, text }, { name, direct }, clicked) {
    if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
    const title = direct
      ? phrase("notification.direct", { name: from })
      : phrase("notification.title", { name: from, room: name });
    try {
      // the tag replaces the last notification of the same room
      const options = { body: text.slice(0, LONGEST), tag: name, silent: true, icon: "icon.svg" };
      const shown = new Notification(title, options);
      this.#shown.set(name, shown);
      shown.addEventListener("click", () => {
        window.focus();
        shown.close();
        clicked();
      });
    } catch {
      // Chrome on Android shows notifications of service workers only
    }
  }

  /** Close all notifications, because the user has signed out. */
  close() {
    for (const shown of this.#shown.values()) shown.close();
    this.#shown.clear();
  }

  #sound() {
    const now = Date.now();
    if (now - this.#sounded < INTERVAL) return;
    this.#sounded = now;
    const audio = (this.#audio ??= new AudioContext());
    const end = audio.currentTime + DURATION;
    const volume = new GainNode(audio, { gain: VOLUME });
    volume.gain.exponentialRampToValueAtTime(0.001, end);
    const tone = new OscillatorNode(audio, { frequency: PITCH });
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(end);
  }
}
