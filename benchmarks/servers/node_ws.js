// A chat server on Node's ws package: node node_ws.js PORT
'use strict';
const { WebSocketServer } = require('ws');
const { join } = require('./chat');

const server = new WebSocketServer({
  port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096, perMessageDeflate: false,
});
server.on('connection', (socket) => {
  let member = null;
  socket.on('message', (data) => {
    if (member) member.say(data);
    else member = join(data, (message) => socket.send(message, { binary: false }));
  });
  socket.on('error', () => {});
  socket.on('close', () => { if (member) member.leave(); });
});
