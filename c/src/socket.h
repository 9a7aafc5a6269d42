/*
 * socket.h - descriptors of our own: no child inherits them, and each system makes them its own way.
 */
#ifndef IOSSL_SOCKET_H
#define IOSSL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <openssl/bio.h>

/* Each -1 with errno on failure; all close on exec. */

/* A stream socket that doesn't wait. */
int iossl_socket_new(const struct addrinfo *address);
/* The next connection of a listening socket, in blocking mode. */
int iossl_socket_accept(int listener);
/* Two ends of a pipe, the reading one first. False with errno. */
bool iossl_socket_pipe(int ends[2]);
/* Back to blocking mode, the one that socket(2) makes them in. False with errno. */
bool iossl_socket_set_blocking(int fd);
/* Records are written whole, so waiting for more of them (Nagle) could only delay; best effort. */
void iossl_socket_set_prompt(int fd);
/* Is it in blocking mode, with bytes that the peer hasn't got yet? False where the system can't tell. */
bool iossl_socket_has_unacked(int fd);

/* send(2) and, for what is no socket, write(2), of which a peer that is gone gives EPIPE and no
 * SIGPIPE. */
ssize_t iossl_socket_send_quietly(int fd, const void *buf, size_t len, int flags);
ssize_t iossl_socket_write_quietly(int fd, const void *buf, size_t len);
/* The same by a BIO over one. */
int iossl_socket_bio_write_quietly(BIO *bio, const void *buf, int len);

/* Room for an address as text: with a scope, brackets and a port. */
#define IOSSL_ADDRESS_TEXT 80

/* "192.0.2.1", "2001:db8::1"; with_port: "192.0.2.1:443", "[2001:db8::1]:443". "" where it is no
 * Internet address. Returns out. */
const char *iossl_socket_address_text(char out[IOSSL_ADDRESS_TEXT], const struct sockaddr *address,
                                      socklen_t len, bool with_port);

#endif
