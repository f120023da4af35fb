// @ts-check
/**
 * The parser of typed text: a message, or a command that begins with a slash, as in the terminal.
 *
 * @module
 */

import { phrase } from "./texts.js";

/** The maximum number of lines in one text. */
const LINES = 100;

/** @type {Record<string, (rest: string) => object>} The moderation commands: functions that return their fields. */
const MODERATION = {
  kick: (rest) => named(rest, "reason"),
  mute: sanction,
  ban: sanction,
  unmute: (rest) => ({ name: rest }),
  unban: (rest) => ({ name: rest }),
  lock: (rest) => ({ reason: rest }),
  unlock: () => ({}),
  topic: (rest) => ({ text: rest }),
};

/** The commands that need the name of a user. */
const NAMED = ["kick", "mute", "ban", "unmute", "unban", "msg", "block", "unblock"];

/** The commands for all users. */
const GENERAL = [
  ...["join", "leave", "who", "search", "bans", "help", "quit"],
  ...["msg", "block", "unblock"],
];

/**
 * @typedef {object} Read The parsed text. Exactly one of these properties is set.
 * @property {string} [text] A message to send.
 * @property {{name: string, rest: string, fields?: object}} [command] `fields` only for
 *     moderation commands.
 * @property {string} [wrong] The error, if it is neither.
 */

/**
 * @param {string} text
 * @param {boolean} [edits] Whether it is the new text of a message, and cannot be a command.
 * @returns {Read}
 */
export function read(text, edits = false) {
  const lines = linesOf(text);
  if (lines.length > LINES) {
    return { wrong: phrase("composer.tooManyLines", { most: LINES, count: lines.length }) };
  }
  if (edits) return { text: lines.join("\n") };
  if (lines.length !== 1) return several(lines);
  const [line] = lines;
  if (line.startsWith("//")) return { text: line.slice(1) };
  return line.startsWith("/") ? single(line) : { text: line };
}

/**
 * @param {string} text
 * @returns {string[]} Its lines, without empty lines at the beginning and the end.
 */
function linesOf(text) {
  const lines = text.split(/\r\n|\r|\n/);
  while (lines.length > 0 && !lines[0].trim()) lines.shift();
  while (lines.length > 0 && !lines[lines.length - 1].trim()) lines.pop();
  return lines;
}

/**
 * Several lines are one message, including pasted paths and comments. A command in the first line is
 * probably a mistake.
 *
 * @param {string[]} lines
 * @returns {Read}
 */
function several(lines) {
  const command = wordOf(lines[0] ?? "");
  if (!isCommand(command)) return { text: lines.join("\n") };
  return { wrong: phrase("command.alone", { name: command }) };
}

/**
 * @param {string} line
 * @returns {Read}
 */
function single(line) {
  const name = wordOf(line);
  const typed = line.slice(name.length + 1).trim();
  const rest = NAMED.includes(name) ? typed.replace(/^@\s*/, "") : typed; // no name begins with it
  if (!isCommand(name)) {
    return { wrong: phrase("command.unknown", { name }) };
  }
  if ([...NAMED, "join"].includes(name) && !rest) {
    return { wrong: phrase("command.noName", { name }) };
  }
  if (name === "search" && !rest) return { wrong: phrase("search.noWords") };
  const fields = Object.hasOwn(MODERATION, name) ? MODERATION[name](rest) : undefined;
  return { command: { name, rest, fields } };
}

/**
 * @param {string} line
 * @returns {string} The first word after a slash, or an empty string.
 */
function wordOf(line) {
  return /^\/(\S*)/.exec(line)?.[1].slice(0, 40) ?? "";
}

/** @param {string} word */
function isCommand(word) {
  return GENERAL.includes(word) || Object.hasOwn(MODERATION, word);
}

/**
 * @param {string} rest
 * @param {string} field The field for the text after the name.
 * @returns {Record<string, string | undefined>}
 */
export function named(rest, field) {
  const [, name, more] = /^(\S*)\s*(.*)$/su.exec(rest) ?? [];
  return more ? { name, [field]: more } : { name };
}

/** @param {string} rest A name, optionally minutes, optionally a reason. */
function sanction(rest) {
  const [, name, minutes, reason] = /^(\S*)(?:\s+(\d{1,5})(?=\s|$))?\s*(.*)$/su.exec(rest) ?? [];
  const fields = minutes ? { name, for: 60 * Number(minutes) } : { name };
  return reason ? { ...fields, reason } : fields;
}
