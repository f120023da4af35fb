// The rooms of the Node servers, in MaChat's text dialect: one write per message and member.
'use strict';
const rooms = new Map();

// Add a member to the room in its hello. `write` sends one message to the member.
// Returns `say`, to call with each line from the member, and `leave`, to remove the member.
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
