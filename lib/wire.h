/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Frames between our processes: flat, length-prefixed, capped. No nesting, no recursion.
 *
 *     frame   u32 type, u32 length of what follows (both little-endian), then fields
 *     field   u32 length (little-endian), bytes
 *
 * A number is a field of exactly 8 bytes, little-endian. A text is a field of valid UTF-8 with no
 * NUL in it. The fields of each frame stand beside its type below, in order; a reader refuses a
 * frame with fewer, more, or other fields. See wire.c for why it is not a serializer.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define WIRE_FRAME_MAX     (256u * 1024u) /* bytes after the frame's head */
#define WIRE_TEXT_MAX      (64u * 1024u)  /* bytes of one text field */
#define WIRE_NAME_MAX      256u           /* bytes of a reader's, token's or endpoint's name */
#define WIRE_ENDPOINTS_MAX 256u           /* that a store is told of */

typedef enum {
	/*
	 * certprop-watch says: always the whole picture, BEGIN READER* END.
	 */
	WIRE_WATCH_BEGIN = 0x10, /* number WireService, number SCARD code, text detail */
	WIRE_WATCH_READER,       /* text name, number ordinal (0 unless a name occurs twice),
				    number WireReaderFlags, number event counter, bytes ATR */
	WIRE_WATCH_END,          /* (nothing) */

	/*
	 * certprop-scan says: (TOKEN CERT* )* END, and a NOTE anywhere between them.
	 */
	WIRE_SCAN_TOKEN = 0x20, /* text manufacturer, text model, text serial, text label,
				   number 1 if the token is initialised */
	WIRE_SCAN_CERT,         /* bytes CKA_ID, text CKA_LABEL, number WireKey, bytes DER (empty:
				   it is there and cannot be read) */
	WIRE_SCAN_NOTE,         /* text: one thing that was passed over, and why */
	WIRE_SCAN_END,          /* number CertpropError+1 or 0 = complete, number of CERT frames
				   sent, text reason */

	/*
	 * To certprop-store: the request, CONTEXT CONFIG* ENDPOINT* PRESENT* SELECT*
	 * (OBJECT ATTRIBUTE*)* RUN, and, while it runs, at most one CONFIRM.
	 */
	WIRE_STORE_CONTEXT = 0x30, /* text host, text endpoint, text reader, text module,
				      number now (Unix seconds), number WireStoreFlags,
				      number since when the session runs, 0 unknown */
	WIRE_STORE_CONFIG,         /* text group, text key, text value (as in the file) */
	WIRE_STORE_ENDPOINT,       /* text endpoint, number live (0, 1), number settled (0, 1: every
				      card in it has been read) */
	WIRE_STORE_PRESENT,        /* text endpoint, text reader, text manufacturer, text model,
				      text serial */
	WIRE_STORE_RUN,            /* number WireStoreMode */
	WIRE_STORE_CONFIRM,        /* number WireConfirm, text why */
	WIRE_STORE_SELECT,         /* text kind, text value: see lib/select.h; PURGE only */
	WIRE_STORE_OBJECT,         /* text path of the database, as in REPORT_DATABASE; UNDO only */
	WIRE_STORE_ATTRIBUTE,      /* number type, bytes value: of the last object */
	WIRE_STORE_ONLY, /* text directory: this database alone. Among the CONFIG frames; MODULES
			    only */

	/*
	 * certprop-store says.
	 */
	WIRE_REPORT_TOKEN = 0x50, /* text manufacturer, text model, text serial, text label, text
				     module, number of certificates */
	WIRE_REPORT_DATABASE,     /* text path ("sql:/..."), text application, text profile, text
				     status, text reason; the frames below belong to the last
				     one. The same path may come again, after PENDING */
	WIRE_REPORT_CERT,      /* text sha256, text nickname, text subject, text issuer, text serial
				  (hex), number not before, number not after (Unix seconds),
				  number WireCertFlags; its claims follow */
	WIRE_REPORT_CLAIM,     /* text uri, text manufacturer, text model, text serial, text label,
				  text id (hex), text object, text module, text endpoint, text
				  reader, text host, text since */
	WIRE_REPORT_STEP,      /* text action ("create", "claim", "release", "delete", "keep",
				  "skip"), text sha256, text nickname, text reason, number 1 if
				  done, 0 if only planned (dry run) */
	WIRE_REPORT_PENDING,   /* number of releases and deletions that wait for CONFIRM, number of
				  creates and claims that do not stay if it says no */
	WIRE_REPORT_ERROR,     /* number CertpropError, text; about the last database, or about the
				  whole batch before the first */
	WIRE_REPORT_END,       /* number of errors */
	WIRE_REPORT_SCANNED,   /* text wire_reader_sum() of the scan, once it was read whole; what
				  follows is on its word */
	WIRE_REPORT_OBJECT,    /* text sha256, text nickname: it is going to be released or deleted;
				  all its attributes follow. PURGE only, before PENDING */
	WIRE_REPORT_ATTRIBUTE, /* number type, bytes value */
	WIRE_REPORT_MODULE,   /* text path, text change ("", "enable", "disable"), number 1 if done,
				 text why it cannot be; belongs to the last database; its ways
				 follow */
	WIRE_REPORT_REACH,    /* text how, text name, text library, text file: see lib/reach.h */
	WIRE_REPORT_WAITING,  /* number of claims that stay only because their endpoint may still
				 come (WIRE_STORE_EXPECTING) */
	WIRE_REPORT_PROGRESS, /* number of certificates that the scan has read so far; of redirected
				 endpoints only, where that may take long */
	WIRE_REPORT_CUE,      /* text directory, text entry in it ("": itself), text its stamp
				  (lib/stamp.h) before this batch looked, number WireCueFlags: when
				  it changes there is more to find. Only with WIRE_STORE_CUES */
	WIRE_REPORT_CUES,     /* number of them that follow, perhaps 0: the batch got as far as to
				  tell */
} WireType;

typedef enum {
	WIRE_SERVICE_UNKNOWN,      /* nothing was heard yet */
	WIRE_SERVICE_OK,           /* readers, possibly none, are known */
	WIRE_SERVICE_ABSENT,       /* no pcscd, or it went away */
	WIRE_SERVICE_DENIED,       /* SCARD_W_SECURITY_VIOLATION: polkit says no */
	WIRE_SERVICE_INCOMPATIBLE, /* protocol versions of library and pcscd differ */
	WIRE_SERVICE_FAILED,       /* anything else; the SCARD code tells */
} WireService;

typedef enum {
	WIRE_READER_PRESENT = 1 << 0,     /* a card is in */
	WIRE_READER_MUTE = 1 << 1,        /* it does not answer */
	WIRE_READER_EXCLUSIVE = 1 << 2,   /* held by somebody for himself */
	WIRE_READER_IN_USE = 1 << 3,      /* shared with somebody */
	WIRE_READER_UNAVAILABLE = 1 << 4, /* the reader cannot be asked */
	WIRE_READER_TWIN = 1 << 5,        /* another reader of the same name hides this one */
} WireReaderFlags;

typedef enum {
	WIRE_KEY_UNKNOWN, /* keys may be there that only a login shows */
	WIRE_KEY_SEEN,    /* a private key object with the same CKA_ID was seen without login */
	WIRE_KEY_NONE,    /* the token needs no login and shows private keys, and none fits */
} WireKey;

typedef enum {
	WIRE_STORE_DRY_RUN = 1 << 0,
	WIRE_STORE_HAS_SCAN = 1 << 1,  /* descriptor 3 carries a certprop-scan's frames */
	WIRE_STORE_LOGOUT = 1 << 2,    /* the session ends: [local] on-logout decides */
	WIRE_STORE_ALL = 1 << 3,       /* LIST: certificates without our marker too (no
					  WIRE_CERT_OURS, no claims) */
	WIRE_STORE_EXPECTING = 1 << 4, /* redirected endpoints that are not named may still come */
	WIRE_STORE_CUES = 1 << 5,      /* APPLY: say what is worth watching */
	WIRE_STORE_ENABLE = 1 << 8,    /* MODULES: register them where they are not reached */
	WIRE_STORE_DISABLE = 1 << 9,   /* MODULES: take our registrations away */
} WireStoreFlags;

/* What became of the scan that the store goes by. */
typedef enum {
	WIRE_CONFIRM_NO,   /* it does not count: what was added on its word is taken back */
	WIRE_CONFIRM_YES,  /* the card shows the very same: what it does not name may go */
	WIRE_CONFIRM_OPEN, /* nobody can tell now, and who asked will look again: neither */
} WireConfirm;

typedef enum {
	WIRE_STORE_DATABASES, /* report the databases only */
	WIRE_STORE_LIST,      /* and what is marked in them */
	WIRE_STORE_APPLY,     /* plan and carry out */
	WIRE_STORE_PURGE,     /* take away what the selectors name, after CONFIRM */
	WIRE_STORE_UNDO,      /* put back the objects that are named */
	WIRE_STORE_MODULES,   /* how the databases' programs come to the PKCS#11 modules */
} WireStoreMode;

typedef enum {
	WIRE_CUE_LOCK = 1 << 0, /* another program has it locked: it is enough that a writer ends */
} WireCueFlags;

typedef enum {
	WIRE_CERT_CA = 1 << 0,
	WIRE_CERT_ADOPTED = 1 << 1, /* the user touched it since: it will never be deleted */
	WIRE_CERT_OURS = 1 << 2,    /* it carries our marker */
	WIRE_CERT_PINNED = 1 << 3,  /* it has trust, by us: it is pinned */
	WIRE_CERT_TRUST = 1 << 4,   /* it has a trust setting that is not ours */
} WireCertFlags;

/* Writing: a frame is built in a WireFrame and then sent in one piece. */
typedef struct WireFrame {
	GByteArray *bytes;
	bool over; /* it would be larger than WIRE_FRAME_MAX */
} WireFrame;

void wire_frame_begin(WireFrame *frame, WireType type);
void wire_frame_number(WireFrame *frame, guint64 value);
/* NULL is an empty text. Invalid UTF-8 is repaired, an over-long text is cut at a character. */
void wire_frame_text(WireFrame *frame, const char *text);
void wire_frame_bytes(WireFrame *frame, const void *data, gsize len);
/* Returns the whole frame, head included; free with g_bytes_unref(). NULL if it is larger than
   WIRE_FRAME_MAX. The frame is empty again. */
GBytes *wire_frame_end(WireFrame *frame) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the frame and writes it to a blocking descriptor, through short writes and EINTR. Errors:
   LIMIT when it is larger than WIRE_FRAME_MAX (nothing is written then). */
bool wire_frame_send(WireFrame *frame, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Builds and sends in one call: fields is a string of 'n' (guint64), 't' (const char *) and 'b'
   (const void *, gsize), followed by the values. Mind that an int must be cast to guint64. */
bool wire_send(
	int fd, GError **error, WireType type, const char *fields, ...) G_GNUC_WARN_UNUSED_RESULT;
/* The same, into memory. NULL if it is larger than WIRE_FRAME_MAX. */
GBytes *wire_pack(WireType type, const char *fields, ...) G_GNUC_WARN_UNUSED_RESULT;

/* Reading: bytes are pushed in as they come, whole frames are taken out. */
typedef struct WireReader {
	GByteArray *buffer; /* what was pushed and not yet taken */
	gsize taken;        /* bytes of it that the current frame and those before it used */
	/* the current frame */
	WireType type;
	const guint8 *at;
	gsize left;
	bool bad; /* a field was missing or of the wrong form */
} WireReader;

WireReader *wire_reader_new(void);
WireReader *wire_reader_free(WireReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WireReader, wire_reader_free)

void wire_reader_push(WireReader *reader, const void *data, gsize len);
/* Makes the next whole frame current. Returns 1, 0 if more bytes are needed, -1 if the peer sent a
   head that is over the cap (nothing more can be read from it). */
int wire_reader_next(WireReader *reader, GError **error);
/* true when bytes of an unfinished frame are left: the peer died in mid-sentence. */
bool wire_reader_pending(const WireReader *reader);

/* Fields of the current frame, in order. A missing or ill-formed one yields 0, "" or an empty
   string and marks the frame bad; wire_reader_done() says so once for all of them. */
guint64 wire_get_number(WireReader *reader);
/* The caller frees with g_free(); never NULL. `max` in bytes. */
char *wire_get_text(WireReader *reader, gsize max) G_GNUC_WARN_UNUSED_RESULT;
/* Free with g_bytes_unref(); never NULL. */
GBytes *wire_get_bytes(WireReader *reader, gsize max) G_GNUC_WARN_UNUSED_RESULT;
/* true if the frame had exactly the fields that were asked for; else sets a PROTOCOL error. */
bool wire_reader_done(WireReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds the current frame to a checksum if it is a TOKEN or a CERT of a scan: of two scans that
   found the same the sums are the same. Before a field is taken. */
void wire_reader_sum(const WireReader *reader, GChecksum *sum);

/* For helpers, which may block: reads from fd until a whole frame is there. Returns 1, 0 at the end
   of the stream, -1 on error (a stream that ends inside a frame is one). */
int wire_reader_fill(WireReader *reader, int fd, GError **error);

G_END_DECLS
