// Rooms of MaChat's text dialect for the Node servers: one write for each message and member.
'use strict';
const rooms = new Map();

// Make a member of the room that a hello names; `write` takes one message.
// Returns a function for each line that the member says, and one for when it leaves.
function join(hello, write) {
  const { name, room } = JSON.parse(hello);
  if (!rooms.has(room)) rooms.set(room, new Set());
  const members = rooms.get(room);
  members.add(write);
  return {
    say(line) {
      const message = Buffer.from(`${name}:${line}\n`);
      for (const member of members) member(message);
    },
    leave() { members.delete(write); },
  };
}

module.exports = { join };
