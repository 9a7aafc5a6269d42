# A server of Python's ssl for tools/interop: arguments as JSON; prints its port, then serves.
import json, socket, ssl, sys
a = json.loads(sys.argv[1])


def make(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, a['version'])
    context.load_cert_chain(cert, key)
    if a.get('alpn'):
        context.set_alpn_protocols(a['alpn'])
    if a.get('ca'):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(a['ca'])
    if a.get('group'):
        context.set_ecdh_curve(a['group'])
    return context


context = make(a['cert'], a['key'])
if a.get('other'):
    other = make(*a['other'])

    def choose(tls, name, _):
        if name == a['other_name']:
            tls.context = other
    context.sni_callback = choose
listener = socket.create_server(('127.0.0.1', 0))
print('port', listener.getsockname()[1], flush=True)
while True:
    raw, _ = listener.accept()
    try:
        with context.wrap_socket(raw, server_side=True) as tls:
            while not tls.recv(4096).endswith(b'\r\n\r\n'):
                pass
            tls.sendall(b'HTTP/1.0 200 OK\r\n\r\nanswered by Python\n')
            tls.unwrap()
    except (ssl.SSLError, OSError) as error:
        print('refused:', error, flush=True)
