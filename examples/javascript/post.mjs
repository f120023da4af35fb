// Post one message from Node, and wait until the server has stored it:
//
//     npm install ./machat-client-*.tgz ws
//     node post.mjs ws://localhost:8099/mychat dev "The build is done."
//
// The exit status is 0 only if the message is stored.

import { Client } from "machat-client";
import { WebSocket } from "ws"; // Node 22 and later have a WebSocket of their own

const [url, room, text] = process.argv.slice(2);
const client = new Client(url, { name: "builder", presence: false, WebSocket });
client.addEventListener("state", ({ detail }) => {
  if (detail.state === "waiting") console.error(`not connected: ${detail.reason || detail.code}`);
});
client.open();
try {
  await client.join(room);
  const { seq } = await client.say(room, text);
  console.log(`stored as number ${seq} of ${room}`);
} catch (error) {
  console.error(`not posted: ${error.message}`);
  process.exitCode = 1;
} finally {
  client.close();
}
