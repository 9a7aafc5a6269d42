#!/bin/sh
# mkcerts.sh DIR - a throw-away CA, RSA and ECDSA certificates for localhost, and a bundle (all.pem)
# that has the CA before all the roots of this system.
set -eu
mkdir -p "$1"
cd "$1"
[ ! -e all.pem ] || exit 0

request() { openssl req -newkey "$@" -nodes 2>/dev/null; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
    -days 3650 -subj '/CN=bench CA' -addext 'basicConstraints=critical,CA:TRUE' \
    -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
cat >leaf.ext <<END
subjectAltName=DNS:localhost,DNS:*.bench.example,DNS:www.bench.test,IP:127.0.0.1
basicConstraints=CA:FALSE
END
request rsa:2048 -keyout rsa.key -out rsa.csr -subj '/CN=localhost'
request ec -pkeyopt ec_paramgen_curve:P-256 -keyout ec.key -out ec.csr -subj '/CN=localhost'
for kind in rsa ec; do
    openssl x509 -req -in $kind.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
        -extfile leaf.ext -out $kind.pem 2>/dev/null
done
cat ca.pem /etc/ssl/certs/ca-certificates.crt >all.pem
