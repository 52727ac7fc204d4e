/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certprop-scan says to a person: how a problem with a card is found without the rest of
 * certprop. Everything that a card, a reader or a module says is escaped before it is shown; the
 * PEM is ours. Notes and failures go to standard error, so that the output can be given to a
 * program that reads PEM.
 */

#include "print.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cert.h"
#include "error.h"
#include "text.h"

static void line(const Print *print, const char *indent, const char *name, const char *text)
{
	g_autofree char *safe = text_escape(text);

	(void)fprintf(print->out, "%s%-14s%s\n", indent, name, *safe != '\0' ? safe : "-");
}

static void show_token(const char *slot, const Token *token, bool initialized, gpointer data)
{
	Print *print = data;

	if (print->n_tokens++ > 0)
		(void)fputc('\n', print->out);
	print->n_certs = 0;
	line(print, "", "Reader:", slot);
	line(print, "", "Token:", token->label);
	line(print, "", "Manufacturer:", token->manufacturer);
	line(print, "", "Model:", token->model);
	line(print, "", "Serial:", token->serial);
	if (!initialized)
		line(print, "", "State:", "not initialised");
}

static const char *key_text(WireKey key)
{
	switch (key) {
	case WIRE_KEY_SEEN:
		return "seen on the card";
	case WIRE_KEY_NONE:
		return "none on the card";
	case WIRE_KEY_UNKNOWN:
		break;
	}
	return "cannot be told without the PIN";
}

static void show_x509(const Print *print, const P11Cert *p11)
{
	g_autoptr(GBytes) der = g_bytes_new(p11->der, p11->der_len);
	g_autoptr(GError) error = NULL;
	g_autoptr(Cert) cert = cert_parse(der, &error);
	g_autofree char *from = NULL;
	g_autofree char *to = NULL;

	if (p11->der_len == 0) {
		line(print, "  ", "Fault:", "the module or the card gives no readable X.509");
		return;
	}
	if (cert == NULL) {
		line(print, "  ", "Fault:", error->message);
		return;
	}
	from = text_time(cert->not_before);
	to = text_time(cert->not_after);
	/* Escaped where they were parsed: backslashes stand for what the certificate says. */
	(void)fprintf(print->out, "  %-14s%s\n", "Subject:", cert->subject);
	(void)fprintf(print->out, "  %-14s%s\n", "Issuer:", cert->issuer);
	line(print, "  ", "Serial:", cert->serial);
	line(print, "  ", "Valid from:", from);
	line(print, "  ", "Valid until:", to);
	line(print, "  ", "SHA-256:", cert->sha256_hex);
}

static void show_pem(const Print *print, const P11Cert *p11)
{
	g_autofree char *base64 = g_base64_encode(p11->der, p11->der_len);

	if (p11->der_len == 0)
		return;
	(void)fputs("-----BEGIN CERTIFICATE-----\n", print->out);
	for (const char *at = base64; *at != '\0'; at += strnlen(at, 64))
		(void)fprintf(print->out, "%.64s\n", at);
	(void)fputs("-----END CERTIFICATE-----\n", print->out);
}

static void show_cert(const P11Cert *cert, gpointer data)
{
	Print *print = data;
	g_autofree char *id = text_hex(cert->id, cert->id_len);

	(void)fprintf(print->out, "\nCertificate %u\n", ++print->n_certs);
	line(print, "  ", "Id:", id);
	line(print, "  ", "Label:", cert->label);
	line(print, "  ", "Private key:", key_text(cert->key));
	show_x509(print, cert);
	show_pem(print, cert);
}

static void show_note(const char *text, gpointer data)
{
	g_autofree char *safe = text_escape(text);

	(void)fprintf(stderr, "certprop-scan: %s\n", safe);
}

const P11Sink print_sink = {show_token, show_cert, show_note};

static void too_late(int signum)
{
	static const char text[] =
		"certprop-scan: The card, or the PKCS#11 module, gave no answer in time. Another "
		"program may hold the card, or it hangs: take it out and put it in again.\n";

	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	_exit(EXIT_FAILURE);
}

void print_deadline(unsigned seconds)
{
	(void)signal(SIGALRM, too_late);
	(void)alarm(seconds);
}

int print_end(Print *print, const GError *error)
{
	bool written = fflush(print->out) == 0 && ferror(print->out) == 0;

	if (error != NULL)
		show_note(error->message, print);
	else if (print->n_tokens == 0)
		show_note("No card that the module can read is in a reader.", print);
	else if (!written)
		show_note("Writing the output failed.", print);
	return error == NULL && print->n_tokens > 0 && written ? EXIT_SUCCESS : EXIT_FAILURE;
}
