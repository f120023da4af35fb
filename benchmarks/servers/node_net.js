// A chat server on Node's net or tls: node node_net.js PORT [KEY CERTIFICATE]
'use strict';
const fs = require('fs');
const { join } = require('./chat');
const [port, key, cert] = process.argv.slice(2);

function connected(socket) {
  let member = null;
  let rest = '';
  socket.setNoDelay(true);
  socket.setEncoding('utf8');
  socket.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (member) member.say(line);
      else member = join(line, (message) => socket.write(message));
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => { if (member) member.leave(); });
}

const server = key
  ? require('tls').createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, connected)
  : require('net').createServer(connected);
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
