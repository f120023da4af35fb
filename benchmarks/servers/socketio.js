// Socket.IO with the Redis adapter: node socketio.js PORT REDIS_PORT. The query of a handshake
// contains the room. A client emits "say" with a message for all members of that room.
"use strict";
const { createServer } = require("http");
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");

async function main(port, redisPort) {
  const publisher = createClient({ url: `redis://127.0.0.1:${redisPort}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const http = createServer();
  const io = new Server(http, {
    adapter: createAdapter(publisher, subscriber),
    pingInterval: 600000, // the load counts on messages only
    perMessageDeflate: false,
    serveClient: false,
  });
  io.on("connection", (socket) => {
    const { room } = socket.handshake.query;
    socket.join(room);
    socket.on("say", (text) => io.to(room).emit("said", text));
  });
  http.listen({ port, host: "127.0.0.1", backlog: 4096 });
}

main(Number(process.argv[2]), Number(process.argv[3]));
