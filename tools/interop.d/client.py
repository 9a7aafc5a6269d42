# A client of Python's ssl for tools/interop: arguments as JSON; each answer is printed.
import json, socket, ssl, sys
a = json.loads(sys.argv[1])
context = ssl.create_default_context(cafile=a['ca'])
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, a['version'])
if a.get('alpn'):
    context.set_alpn_protocols(a['alpn'])
if a.get('cert'):
    context.load_cert_chain(a['cert'], a['key'])
session = None
for _ in range(a['times']):
    raw = socket.create_connection(('127.0.0.1', a['port']))
    with context.wrap_socket(raw, server_hostname=a['name'], session=session) as tls:
        tls.sendall(b'GET / HTTP/1.0\r\n\r\n')
        answer = b''
        while True:
            piece = tls.recv(4096)
            if not piece:
                break
            answer += piece
        session = tls.session
        sys.stdout.write(answer.decode())
