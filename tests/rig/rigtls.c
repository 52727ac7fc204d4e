/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Neither NSS's selfserv nor OpenSSL's s_server, because browsers open more connections than they
 * use: s_server waits for the first of them for ever, and selfserv for the first few. So each
 * connection has a thread. No session is resumed, since each visit shall need the card.
 */
#include "rigtls.h"

#include "enter.h"
#include "mint.h"

#include <arpa/inet.h>
#include <check.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S  60
#define REQUEST_MAX 16384
#define TURN_MS     20000

static const char welcome[] = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n"
			      "Connection: close\r\n\r\n<title>Welcome!</title>\r\n";

struct RigTls {
	SSL_CTX *context;
	int listening;
	char *port, *url;
	GThread *doorman;
	GMutex lock;
	GArray *guests;     /* int: their sockets; -1: gone */
	GPtrArray *threads; /* GThread: one for each of them */
	unsigned admitted, turned_away;
};

typedef struct {
	RigTls *server;
	int fd;
	guint place; /* in guests */
} Guest;

static void count(RigTls *server, unsigned *number)
{
	g_mutex_lock(&server->lock);
	(*number)++;
	g_mutex_unlock(&server->lock);
}

/* Up to the empty line. */
static bool read_request(SSL *ssl)
{
	char request[REQUEST_MAX + 1];
	gsize filled = 0;

	while (filled < REQUEST_MAX) {
		int got = SSL_read(ssl, request + filled, (int)(REQUEST_MAX - filled));

		if (got <= 0)
			return false;
		filled += (gsize)got;
		request[filled] = '\0';
		if (strstr(request, "\r\n\r\n") != NULL)
			return true;
	}
	return false;
}

static void attend(RigTls *server, SSL *ssl)
{
	ERR_clear_error();
	if (SSL_accept(ssl) == 1) {
		count(server, &server->admitted);
		if (read_request(ssl))
			(void)SSL_write(ssl, welcome, sizeof(welcome) - 1);
		(void)SSL_shutdown(ssl);
	} else if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
		count(server, &server->turned_away);
	}
}

/* Reads what there still is: closing before that would make the kernel drop what was said last. */
static void see_out(int fd)
{
	char rest[1024];

	(void)shutdown(fd, SHUT_WR);
	while (read(fd, rest, sizeof(rest)) > 0)
		;
}

static gpointer run_guest(gpointer data)
{
	Guest *guest = data;
	RigTls *server = guest->server;
	SSL *ssl = SSL_new(server->context);

	SSL_set_fd(ssl, guest->fd);
	attend(server, ssl);
	SSL_free(ssl);
	see_out(guest->fd);
	g_mutex_lock(&server->lock);
	g_array_index(server->guests, int, guest->place) = -1;
	g_mutex_unlock(&server->lock);
	close(guest->fd);
	g_free(guest);
	return NULL;
}

/* Until somebody shuts the listening socket down. */
static gpointer run_doorman(gpointer data)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	RigTls *server = data;
	sigset_t broken_pipe;
	int fd;

	/* Whoever hangs up does not end the test; the guests' threads inherit that. */
	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
	while ((fd = accept4(server->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		Guest *guest = g_new0(Guest, 1);

		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		guest->server = server;
		guest->fd = fd;
		g_mutex_lock(&server->lock);
		guest->place = server->guests->len;
		g_array_append_val(server->guests, fd);
		g_ptr_array_add(server->threads, g_thread_new("guest", run_guest, guest));
		g_mutex_unlock(&server->lock);
	}
	return NULL;
}

static X509 *to_x509(GBytes *der)
{
	gsize length;
	const unsigned char *at = g_bytes_get_data(der, &length);
	X509 *x509 = d2i_X509(NULL, &at, (long)length);

	ck_assert_ptr_nonnull(x509);
	return x509;
}

static void use_own(SSL_CTX *context, const MakerCert *ca)
{
	const MakerSpec spec = {.cn = RIG_TLS_HOST,
		.host = RIG_TLS_HOST,
		.issuer = ca,
		.serial = (guint64)g_random_int() + 1,
		.not_after = g_get_real_time() / G_USEC_PER_SEC + 30 * 24 * 60 * 60,
		.not_before = g_get_real_time() / G_USEC_PER_SEC - 24 * 60 * 60,
		.key_usage = "critical,digitalSignature",
		.eku = "serverAuth"};
	g_autoptr(MakerCert) own = maker_cert(&spec);
	X509 *x509 = to_x509(own->der);

	ck_assert_int_eq(SSL_CTX_use_certificate(context, x509), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(context, own->key), 1);
	X509_free(x509);
}

static SSL_CTX *make_context(void)
{
	const MakerCert *ca = mint_ca(NULL);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	X509 *issuer = to_x509(ca->der);

	use_own(context, ca);
	ck_assert_int_eq(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), issuer), 1);
	ck_assert_int_eq(SSL_CTX_add_client_CA(context, issuer), 1);
	X509_free(issuer);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	ck_assert_int_eq(SSL_CTX_set_num_tickets(context, 0), 1);
	return context;
}

/* On a port that the kernel chooses. */
static guint16 listen_on(RigTls *server)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t size = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server->listening, (struct sockaddr *)&in, size), 0);
	ck_assert_int_eq(listen(server->listening, SOMAXCONN), 0);
	ck_assert_int_eq(getsockname(server->listening, (struct sockaddr *)&in, &size), 0);
	return ntohs(in.sin_port);
}

RigTls *rig_tls_start(void)
{
	RigTls *server = g_new0(RigTls, 1);
	guint16 port = listen_on(server);

	server->context = make_context();
	server->port = g_strdup_printf("%u", port);
	server->url = g_strdup_printf("https://" RIG_TLS_HOST ":%u/", port);
	g_mutex_init(&server->lock);
	server->guests = g_array_new(FALSE, FALSE, sizeof(int));
	server->threads = g_ptr_array_new();
	server->doorman = g_thread_new("doorman", run_doorman, server);
	return server;
}

void rig_tls_free(RigTls *server)
{
	if (server == NULL)
		return;
	(void)shutdown(server->listening, SHUT_RDWR);
	g_thread_join(server->doorman);
	close(server->listening);
	g_mutex_lock(&server->lock);
	for (guint i = 0; i < server->guests->len; i++) {
		int fd = g_array_index(server->guests, int, i);

		if (fd >= 0)
			(void)shutdown(fd, SHUT_RDWR);
	}
	g_mutex_unlock(&server->lock);
	for (guint i = 0; i < server->threads->len; i++)
		g_thread_join(g_ptr_array_index(server->threads, i));
	g_ptr_array_unref(server->threads);
	g_array_unref(server->guests);
	g_mutex_clear(&server->lock);
	SSL_CTX_free(server->context);
	g_free(server->port);
	g_free(server->url);
	g_free(server);
}

const char *rig_tls_port(const RigTls *server)
{
	return server->port;
}

const char *rig_tls_url(const RigTls *server)
{
	return server->url;
}

static unsigned read_number(RigTls *server, const unsigned *number)
{
	unsigned value;

	g_mutex_lock(&server->lock);
	value = *number;
	g_mutex_unlock(&server->lock);
	return value;
}

unsigned rig_tls_admitted(RigTls *server)
{
	return read_number(server, &server->admitted);
}

unsigned rig_tls_turned_away(RigTls *server)
{
	return read_number(server, &server->turned_away);
}

typedef struct {
	RigTls *server;
	unsigned before;
} Turn;

static bool is_turned_away(gpointer data)
{
	const Turn *turn = data;

	return rig_tls_turned_away(turn->server) > turn->before;
}

void rig_tls_wait_turned_away(RigTls *server, unsigned before)
{
	Turn turn = {.server = server, .before = before};

	rig_wait_until(is_turned_away, &turn, TURN_MS, "the server turns somebody away");
}
