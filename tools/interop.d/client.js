// A client of Node's tls for tools/interop: arguments as JSON; each answer is printed.
'use strict';
const fs = require('fs'), tls = require('tls');
const a = JSON.parse(process.argv[2]);

function once(left, session) {
    let kept = session;
    const socket = tls.connect({
        host: '127.0.0.1', port: a.port, servername: a.name, ca: fs.readFileSync(a.ca),
        minVersion: a.version, maxVersion: a.version, ALPNProtocols: a.alpn, session,
        cert: a.cert && fs.readFileSync(a.cert), key: a.cert && fs.readFileSync(a.key),
    }, () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.on('session', (s) => { kept = s; });
    socket.on('data', (data) => process.stdout.write(data));
    socket.on('error', (error) => { console.log('refused:', error.message); process.exit(1); });
    socket.on('close', () => { if (left > 1) once(left - 1, kept); });
}
once(a.times);
