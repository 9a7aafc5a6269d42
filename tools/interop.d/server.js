// A server of Node's tls for tools/interop: arguments as JSON; prints its port, then serves.
'use strict';
const fs = require('fs'), tls = require('tls');
const a = JSON.parse(process.argv[2]);
const files = (cert, key) => ({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
const server = tls.createServer({
    ...files(a.cert, a.key), minVersion: a.version, maxVersion: a.version, ALPNProtocols: a.alpn,
    ecdhCurve: a.group || 'auto', requestCert: !!a.ca, rejectUnauthorized: !!a.ca,
    ca: a.ca && fs.readFileSync(a.ca),
    SNICallback: (name, done) => done(null, a.other && name === a.other_name
        ? tls.createSecureContext(files(...a.other)) : null),
}, (socket) => {
    let asked = '';
    socket.on('data', (data) => {
        asked += data;
        if (asked.endsWith('\r\n\r\n')) socket.end('HTTP/1.0 200 OK\r\n\r\nanswered by Node\n');
    });
    socket.on('error', () => {});
});
server.on('tlsClientError', (error) => console.log('refused:', error.message));
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
