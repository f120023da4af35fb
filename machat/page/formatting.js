// @ts-check
/**
 * Code in messages: between backticks, or between lines of three backticks. There is no other markup.
 *
 * @module
 */

import { element } from "./dom.js";
import { linked } from "./links.js";

/** A block: its fences are at the beginning of a line, and the first may have the name of a language. Or
 * code in a line, between one or two backticks. */
const CODE =
  /(?:^|\n)```[\w+#.-]{0,20}\n([^]*?)\n?```[ \t]*(?:\n|$)|``([^`\n](?:[^\n]*?[^`\n])?)``(?!`)|`([^`\n]+)`/g;

/**
 * @param {string} text
 * @returns {Node[]} The text with code and with clickable links.
 */
export function formatted(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(CODE)) {
    const [whole, block, double, single] = match;
    if (match.index > end) nodes.push(...linked(text.slice(end, match.index)));
    const code = element("code", {}, block ?? double ?? single);
    nodes.push(block === undefined ? code : element("pre", { tabindex: "0" }, code));
    end = match.index + whole.length;
  }
  if (end < text.length) nodes.push(...linked(text.slice(end)));
  return nodes;
}
