/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that knows libp11. It reads what a module shows without a login: no PIN is asked
 * for, no session is opened for writing, no private key is used.
 *
 * What it works around, all of it in libp11 0.4.12:
 *  - it waits for ever when C_OpenSession fails, so a token that is not initialised is named and
 *    never opened; any other failure there ends at the caller's deadline;
 *  - PKCS11_update_slots() writes out of bounds, so slots are released and enumerated anew;
 *  - with no slot at all it reports an error without a reason (it asks for zero bytes of memory).
 *
 * A card that is pulled while it is read gives a short list and no error: OpenSC answers from what
 * it has got (0.23 hangs, which is the safer half of it), and PKCS#11 has no call that asks whether
 * the card is still there. So the token is looked at once more at the end, which OpenSC does by
 * asking pcscd for the reader's state and the card for its PIN counter. That finds every card that
 * pcscd knows to be gone, and every card that is a different one. Between the pull and the moment
 * pcscd notices it finds nothing, because OpenSC drops the error of that exchange. Nothing else
 * would do without reading everything twice: whoever takes something away on the word of a scan has
 * to compare the reader's event counter, longer after it than pcscd takes to notice.
 *
 * One card may be several slots (OpenSC makes one for each of its PINs, and shows the public
 * certificates in the first). Slots of the same reader with the same identity are one token here.
 */

#include "p11.h"

#include <dlfcn.h>
#include <libp11.h>
#include <string.h>

#include "ckr.h"
#include "error.h"
#include "slots.h"
#include "text.h"

#define NOTES_MAX 32u /* certificates passed over that are named one by one */

typedef struct Scan {
	const P11Request *request;
	const P11Sink *sink;
	gpointer data;

	PKCS11_CTX *ctx;
	PKCS11_SLOT *slots;
	unsigned n_slots;
	GArray *seen; /* Seen: the tokens that were read */
	unsigned notes;
} Scan;

/* A token as it was before its certificates were read. */
typedef struct Seen {
	unsigned long slot;
	Token *token;
} Seen;

static void seen_clear(gpointer data)
{
	Seen *seen = data;

	seen->token = token_free(seen->token);
}

/* Takes the reason from libp11's queue; NULL if it gave none. */
static char *take_reason(bool *ret_gone)
{
	unsigned long e = ERR_peek_last_error();
	const char *sentence = ERR_reason_error_string(e);
	const char *name;

	*ret_gone = false;
	ERR_clear_error();
	if (e == 0)
		return NULL;
	if (ERR_GET_LIB(e) != ERR_get_CKR_code())
		return g_strdup(sentence != NULL ? sentence : "unknown reason");

	name = ckr_name((gulong)ERR_GET_REASON(e), ret_gone);
	if (name == NULL)
		return g_strdup_printf("return value 0x%x (%s)", (unsigned)ERR_GET_REASON(e),
			sentence != NULL ? sentence : "not known to libp11");
	return g_strdup_printf("%s (%s)", name, sentence != NULL ? sentence : "no further reason");
}

static void set_error(const Scan *scan, const char *what, GError **error)
{
	bool gone;
	g_autofree char *reason = take_reason(&gone);
	bool changed = gone && scan->seen->len > 0;

	g_set_error(error, CERTPROP_ERROR, changed ? CERTPROP_ERROR_CHANGED : CERTPROP_ERROR_FAILED,
		"%s with %s failed: %s", what, scan->request->module,
		reason != NULL ? reason : "the module gave no reason");
}

G_GNUC_PRINTF(2, 3)
static void note(Scan *scan, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	scan->sink->note(text, scan->data);
}

static bool load(Scan *scan, GError **error)
{
	/* libp11 would print the loader's reason and lose it. The handle is kept on purpose: a
	   module that is unloaded while its threads run takes the process down. */
	if (dlopen(scan->request->module, RTLD_LAZY | RTLD_LOCAL) == NULL) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"Loading the PKCS#11 module failed: %s", dlerror());
		return false;
	}

	scan->ctx = PKCS11_CTX_new();
	if (scan->ctx == NULL || PKCS11_CTX_load(scan->ctx, scan->request->module) != 0) {
		set_error(scan, "Initialising", error);
		return false;
	}
	return true;
}

static bool enumerate(Scan *scan, GError **error)
{
	unsigned n = 0;

	if (PKCS11_enumerate_slots(scan->ctx, &scan->slots, &scan->n_slots) == 0)
		return true;
	if (ERR_peek_error() == 0 && PKCS11_enumerate_slots(scan->ctx, NULL, &n) == 0 && n == 0) {
		scan->slots = NULL;
		scan->n_slots = 0;
		return true;
	}
	set_error(scan, "Looking for the card", error);
	return false;
}

/* The slots of the reader that have a token. */
static GPtrArray *choose(Scan *scan, GError **error)
{
	g_autofree Slot *views = g_new0(Slot, scan->n_slots + 1);
	g_autoptr(GPtrArray) chosen = g_ptr_array_new();

	for (unsigned i = 0; i < scan->n_slots; i++)
		views[i] = (Slot){.description = scan->slots[i].description,
			.token = scan->slots[i].token != NULL};
	if (!slots_choose(views, scan->n_slots, scan->request, error))
		return NULL;
	for (unsigned i = 0; i < scan->n_slots; i++) {
		if (views[i].chosen)
			g_ptr_array_add(chosen, &scan->slots[i]);
	}
	return g_steal_pointer(&chosen);
}

static Token *token_of(const PKCS11_SLOT *slot)
{
	const PKCS11_TOKEN *token = slot->token;

	return token_new(token->manufacturer, token->model, token->serialnr, token->label);
}

/* The private keys that show without a login. *ret_hidden: there may be others. */
static GPtrArray *visible_keys(Scan *scan, const GPtrArray *slots, bool *ret_hidden)
{
	GPtrArray *all = g_ptr_array_new();

	*ret_hidden = false;
	for (guint i = 0; i < slots->len; i++) {
		PKCS11_SLOT *slot = g_ptr_array_index(slots, i);
		PKCS11_KEY *keys = NULL;
		unsigned n = 0;

		/* libp11 gives up the list at the first key of a type that it does not know. */
		if (PKCS11_enumerate_keys(slot->token, &keys, &n) != 0) {
			ERR_clear_error();
			*ret_hidden = true;
			continue;
		}
		*ret_hidden = *ret_hidden || slot->token->loginRequired != 0;
		for (unsigned k = 0; k < n; k++)
			g_ptr_array_add(all, &keys[k]);
	}
	return all;
}

/* A token that wants a login may hide keys from us, even if it shows some: a PIV card shows only
   the one that it uses without a PIN. So "there is none" is said only of tokens that need no login.
 */
static WireKey key_of(const PKCS11_CERT *cert, const GPtrArray *keys, bool hidden)
{
	for (guint i = 0; i < keys->len; i++) {
		const PKCS11_KEY *key = g_ptr_array_index(keys, i);

		if (cert->id_len > 0 && key->id_len == cert->id_len &&
			memcmp(key->id, cert->id, cert->id_len) == 0)
			return WIRE_KEY_SEEN;
	}
	return hidden || keys->len == 0 ? WIRE_KEY_UNKNOWN : WIRE_KEY_NONE;
}

static gint by_id(gconstpointer a, gconstpointer b)
{
	const PKCS11_CERT *one = *(PKCS11_CERT *const *)a;
	const PKCS11_CERT *two = *(PKCS11_CERT *const *)b;
	gsize len = MIN(one->id_len, two->id_len);
	int order = len > 0 ? memcmp(one->id, two->id, len) : 0;

	if (order != 0)
		return order;
	return (one->id_len > two->id_len) - (one->id_len < two->id_len);
}

static GPtrArray *all_certs(Scan *scan, const GPtrArray *slots, GError **error)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();

	for (guint i = 0; i < slots->len; i++) {
		PKCS11_SLOT *slot = g_ptr_array_index(slots, i);
		PKCS11_CERT *certs = NULL;
		unsigned n = 0;

		if (PKCS11_enumerate_certs(slot->token, &certs, &n) != 0) {
			set_error(scan, "Listing the certificates", error);
			return NULL;
		}
		for (unsigned k = 0; k < n; k++)
			g_ptr_array_add(all, &certs[k]);
	}
	g_ptr_array_sort(all, by_id);
	return g_steal_pointer(&all);
}

static void pass_over(Scan *scan, const PKCS11_CERT *cert, const char *why)
{
	g_autofree char *id = text_hex(cert->id, cert->id_len);
	g_autofree char *label = text_clean(cert->label != NULL ? cert->label : "", 100);

	if (++scan->notes <= NOTES_MAX)
		note(scan, "The certificate with id %s, \"%s\", was passed over: %s", id, label,
			why);
}

static void free_der(gpointer der)
{
	OPENSSL_free(der);
}

static void hand_over(
	Scan *scan, const PKCS11_CERT *cert, WireKey key, const void *der, gsize der_len)
{
	P11Cert out = {
		.id = cert->id,
		.id_len = cert->id_len,
		.label = cert->label != NULL ? cert->label : "",
		.key = key,
		.der = der,
		.der_len = der_len,
	};

	scan->sink->cert(&out, scan->data);
}

/* Hands one certificate over; false if it was passed over. What cannot be read is handed over as
   well, empty: the token has it, and nobody shall think that it has gone. */
static bool send_cert(Scan *scan, PKCS11_CERT *cert, WireKey key, GPtrArray *sent)
{
	unsigned char *der = NULL;
	g_autoptr(GBytes) bytes = NULL;
	int len = cert->x509 != NULL ? i2d_X509(cert->x509, &der) : 0;

	if (len <= 0) {
		ERR_clear_error();
		hand_over(scan, cert, key, NULL, 0);
		return true;
	}
	bytes = g_bytes_new_with_free_func(der, (gsize)len, free_der, der);
	if ((guint64)len > scan->request->max_bytes) {
		pass_over(scan, cert, "it is larger than [limits] certificate-bytes");
		return false;
	}
	/* One card shown as several slots may show a certificate in each of them. */
	for (guint i = 0; i < sent->len; i++) {
		if (g_bytes_equal(bytes, g_ptr_array_index(sent, i)))
			return false;
	}
	g_ptr_array_add(sent, g_bytes_ref(bytes));
	hand_over(scan, cert, key, der, (gsize)len);
	return true;
}

static void send_certs(Scan *scan, const GPtrArray *certs, const GPtrArray *keys, bool hidden)
{
	g_autoptr(GPtrArray) sent = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	guint64 n = 0;

	scan->notes = 0;
	for (guint i = 0; i < certs->len; i++) {
		PKCS11_CERT *cert = g_ptr_array_index(certs, i);

		if (n < scan->request->max_certificates)
			n += send_cert(scan, cert, key_of(cert, keys, hidden), sent);
		else
			pass_over(
				scan, cert, "there are more than [limits] certificates-per-token");
	}
	if (scan->notes > NOTES_MAX)
		note(scan, "%u more certificates were passed over", scan->notes - NOTES_MAX);
}

/* Reads one token, which is one slot or several. */
static bool read_token(Scan *scan, const GPtrArray *slots, GError **error)
{
	PKCS11_SLOT *first = g_ptr_array_index(slots, 0);
	g_autoptr(Token) token = token_of(first);
	g_autoptr(GPtrArray) keys = NULL;
	g_autoptr(GPtrArray) certs = NULL;
	bool hidden;

	scan->sink->token(first->description, token, first->token->initialized != 0, scan->data);
	if (first->token->initialized == 0) {
		note(scan, "The token is not initialised: nothing was read from it");
		return true;
	}

	keys = visible_keys(scan, slots, &hidden);
	certs = all_certs(scan, slots, error);
	if (certs == NULL)
		return false;
	send_certs(scan, certs, keys, hidden);
	return true;
}

static bool same_card(const PKCS11_SLOT *a, const PKCS11_SLOT *b)
{
	g_autoptr(Token) one = token_of(a);
	g_autoptr(Token) two = token_of(b);

	return g_strcmp0(a->description, b->description) == 0 &&
	       a->token->initialized == b->token->initialized && token_has_identity(one) &&
	       token_equal(one, two);
}

static bool read_tokens(Scan *scan, GPtrArray *chosen, GError **error)
{
	while (chosen->len > 0) {
		g_autoptr(GPtrArray) group = g_ptr_array_new();
		PKCS11_SLOT *first = g_ptr_array_index(chosen, 0);

		for (guint i = 0; i < chosen->len;) {
			PKCS11_SLOT *slot = g_ptr_array_index(chosen, i);

			if (slot == first || same_card(first, slot)) {
				g_ptr_array_add(group, slot);
				g_ptr_array_remove_index(chosen, i);
			} else {
				i++;
			}
		}
		if (!read_token(scan, group, error))
			return false;
	}
	return true;
}

static void remember(Scan *scan, const GPtrArray *chosen)
{
	for (guint i = 0; i < chosen->len; i++) {
		PKCS11_SLOT *slot = g_ptr_array_index(chosen, i);
		Seen seen = {PKCS11_get_slotid_from_slot(slot), token_of(slot)};

		g_array_append_val(scan->seen, seen);
	}
}

static bool still_there(const Scan *scan, const Seen *seen)
{
	for (unsigned i = 0; i < scan->n_slots; i++) {
		PKCS11_SLOT *slot = &scan->slots[i];
		g_autoptr(Token) now = NULL;

		if (slot->token == NULL || PKCS11_get_slotid_from_slot(slot) != seen->slot)
			continue;
		now = token_of(slot);
		return token_equal(now, seen->token) &&
		       g_strcmp0(now->label, seen->token->label) == 0;
	}
	return false;
}

/* OpenSC gives a PIV card the serial number 00000000 when it cannot read the object with the real
   one, whatever the reason, and then stays with it. Only a fresh start tells whether the card has
   none. */
static bool identity_doubtful(const Scan *scan)
{
	for (guint i = 0; i < scan->seen->len; i++) {
		if (!token_has_identity(g_array_index(scan->seen, Seen, i).token))
			return scan->request->slots_are_readers;
	}
	return false;
}

static bool start_again(Scan *scan, GError **error)
{
	PKCS11_CTX_unload(scan->ctx);
	if (PKCS11_CTX_load(scan->ctx, scan->request->module) == 0)
		return true;
	set_error(scan, "Initialising a second time", error);
	return false;
}

static bool look_again(Scan *scan, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (scan->seen->len == 0)
		return true;

	PKCS11_release_all_slots(scan->ctx, scan->slots, scan->n_slots);
	scan->slots = NULL;
	scan->n_slots = 0;
	if ((identity_doubtful(scan) && !start_again(scan, &local)) || !enumerate(scan, &local)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED,
			"The card was there before it was read and cannot be reached now: %s",
			local->message);
		return false;
	}
	for (guint i = 0; i < scan->seen->len; i++) {
		if (still_there(scan, &g_array_index(scan->seen, Seen, i)))
			continue;
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED,
			"The card was taken out or replaced while it was read through %s",
			scan->request->module);
		return false;
	}
	return true;
}

bool p11_scan(const P11Request *request, const P11Sink *sink, gpointer data, GError **error)
{
	g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(Seen));
	g_autoptr(GPtrArray) chosen = NULL;
	Scan scan = {.request = request, .sink = sink, .data = data, .seen = seen};

	g_array_set_clear_func(seen, seen_clear);
	if (!load(&scan, error) || !enumerate(&scan, error))
		return false;
	chosen = choose(&scan, error);
	if (chosen == NULL)
		return false;
	remember(&scan, chosen);
	return read_tokens(&scan, chosen, error) && look_again(&scan, error);
}
