/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread, two states: linked to pcscd and blocked in SCardGetStatusChange(), or not linked and
 * blocked in the pause (service.c). What happened in between is never guessed: after each wake the
 * whole picture is compared with the one sent last, and sent if it differs. A card swapped between
 * two looks shows by its event counter. A lost link is always said, even if it is back at once:
 * pcscd counts from 0 again, so equal counters of two links mean nothing.
 *
 * SCardGetStatusChange() has three traps, measured with pcsc-lite 1.9.9:
 *  - It takes 16 entries, so with 16 readers there is no room for the PnP entry; one that is given
 *    17 returns at once, for ever. Later libraries take more: we ask for all, and for 16 after the
 *    first refusal. Without PnP a removed reader still shows (UNKNOWN), a 17th one does not.
 *  - Its INFINITE is a round of 60 s, at the end of which it and pcscd exchange six messages. A
 * long finite time has no rounds.
 *  - PnP tells only of readers that come or go while it waits. One that comes between listing and
 *    waiting would stay unseen, so the first wait after a new list is short and the list is read
 *    again. (From 2.3.0 on PnP has a counter as well, which we pass back.)
 *
 * A service that wakes us without a reason, or that comes and goes, costs it growing pauses and us
 * nothing.
 */

#include "watch.h"

#include <string.h>

#include "advice.h"
#include "picture.h"

/* The first pause of a link that wakes us for nothing; doubled until WATCH_CALM_MAX_MS. */
#define CALM_MIN_MS 16u

typedef struct Loop {
	const Watch *watch;
	Picture *sent;    /* the last one; NULL at first */
	gsize limit;      /* entries in one wait */
	guint32 pnp;      /* state of the PnP entry */
	guint32 pause_ms; /* the last pause between attempts; 0: none yet */
	guint32 calm_ms;  /* the last pause of an idle link */
	unsigned idle;    /* wakes in a row that brought nothing new */
	bool settled;     /* the list was the same in two looks, WATCH_SETTLE_MS apart */
	bool proven;      /* the link has lasted long enough to be worth a try at once */
	bool dying;       /* a link was lost, and since then no pause has run to its end */
} Loop;

/* How one step of the linked state ended. */
typedef enum {
	STEP_ON,     /* wait again */
	STEP_LIST,   /* the list of readers may have changed */
	STEP_LOST,   /* the link is gone; the code tells */
	STEP_END,    /* nobody listens, or all is said */
	STEP_UNSENT, /* the picture could not be sent */
} Step;

/* Sends the picture, if it says anything new, and keeps it. */
static bool say(Loop *loop, Picture **picture, GError **error)
{
	if (loop->sent != NULL && picture_equal(loop->sent, *picture)) {
		loop->idle++;
	} else {
		loop->idle = 0;
		if (!picture_send(*picture, loop->watch->fd, error))
			return false;
	}

	picture_free(loop->sent);
	loop->sent = g_steal_pointer(picture);
	return true;
}

/* `dying`: pcscd was there a moment ago, and its socket may still be going. */
static WireService service_of(guint32 code, bool dying)
{
	switch (pcsc_result(code)) {
	case PCSC_GONE:
		return WIRE_SERVICE_ABSENT;
	case PCSC_DENIED:
		/* Also what the library makes of a connection that is reset in mid-sentence. */
		return dying ? WIRE_SERVICE_ABSENT : WIRE_SERVICE_DENIED;
	case PCSC_MISMATCH:
		return dying ? WIRE_SERVICE_ABSENT : WIRE_SERVICE_INCOMPATIBLE;
	case PCSC_OK:
	case PCSC_TIMEOUT:
	case PCSC_NO_READERS:
	case PCSC_UNKNOWN_READER:
	case PCSC_TOO_MANY:
	case PCSC_FAILED:
		break;
	}
	return WIRE_SERVICE_FAILED;
}

/* Says that there is no link, and why. */
static bool say_unlinked(Loop *loop, guint32 code, bool linked, GError **error)
{
	WireService service = service_of(code, loop->dying);
	g_autofree char *detail = NULL;
	g_autoptr(Picture) picture = NULL;

	detail = g_strdup_printf("%s (0x%08x%s%s)",
		advice_of(loop->watch->endpoint, service, linked), code,
		*pcsc_code_name(code) != '\0' ? " " : "", pcsc_code_name(code));
	picture = picture_new(service, code, detail);
	return say(loop, &picture, error);
}

/* The readers that are waited for, in picture order, and the PnP entry if there is room. */
static gsize fill_entries(const Loop *loop, const Picture *picture, bool look,
	PcscEntry entries[PCSC_READERS_MAX + 1])
{
	gsize n = 0;

	for (guint i = 0; i < picture->readers->len && n < loop->limit; i++) {
		const PictureReader *reader = g_ptr_array_index(picture->readers, i);

		if (!reader->twin)
			entries[n++] = (PcscEntry){
				.name = reader->name,
				.current = look ? PCSC_STATE_UNAWARE : reader->state,
			};
	}
	if (!look && n < loop->limit)
		entries[n++] = (PcscEntry){.name = PCSC_PNP, .current = loop->pnp};

	return n;
}

/* The other way round. Returns true if a reader is not known any more. */
static bool take_entries(
	const Loop *loop, Picture *picture, const PcscEntry entries[PCSC_READERS_MAX + 1])
{
	bool unknown = false;
	gsize n = 0;

	for (guint i = 0; i < picture->readers->len && n < loop->limit; i++) {
		PictureReader *reader = g_ptr_array_index(picture->readers, i);

		if (reader->twin)
			continue;
		reader->state = entries[n].event & ~(guint32)PCSC_STATE_CHANGED;
		reader->atr_len = MIN(entries[n].atr_len, PCSC_ATR_MAX);
		if ((reader->state & PCSC_STATE_PRESENT) == 0)
			reader->atr_len = 0;
		memcpy(reader->atr, entries[n].atr, reader->atr_len);
		unknown = unknown || (reader->state & PCSC_STATE_UNKNOWN) != 0;
		n++;
	}

	return unknown;
}

/* A wait or a look failed: what to do about it. */
static Step step_failed(Loop *loop, guint32 code, gsize n_entries)
{
	switch (pcsc_result(code)) {
	case PCSC_UNKNOWN_READER:
	case PCSC_NO_READERS:
		loop->idle++;
		return STEP_LIST;
	case PCSC_TOO_MANY:
		if (n_entries <= PCSC_WAIT_MAX)
			return STEP_LOST;
		loop->limit = PCSC_WAIT_MAX;
		return STEP_LIST;
	case PCSC_OK:
	case PCSC_TIMEOUT:
	case PCSC_GONE:
	case PCSC_MISMATCH:
	case PCSC_DENIED:
	case PCSC_FAILED:
		break;
	}
	return STEP_LOST;
}

/* A new picture: which readers there are, and, without waiting, how they are. */
static Step look(Loop *loop, guint32 *ret_code, GError **error)
{
	const Watch *watch = loop->watch;
	g_autoptr(Picture) picture = picture_new(WIRE_SERVICE_OK, 0, "");
	PcscEntry entries[PCSC_READERS_MAX + 1];
	char names[PCSC_LIST_MAX];
	gsize len = 0, n;

	*ret_code = watch->ops->list(watch->ops_data, names, &len);
	if (pcsc_result(*ret_code) == PCSC_OK)
		picture_add_list(picture, names, MIN(len, sizeof names));
	else if (pcsc_result(*ret_code) != PCSC_NO_READERS)
		return STEP_LOST;

	n = fill_entries(loop, picture, true, entries);
	if (n > 0) {
		*ret_code = watch->ops->change(watch->ops_data, 0, entries, n);
		if (pcsc_result(*ret_code) != PCSC_OK && pcsc_result(*ret_code) != PCSC_TIMEOUT)
			return step_failed(loop, *ret_code, n);
		take_entries(loop, picture, entries);
	}

	if (loop->sent == NULL || !picture_same_list(loop->sent, picture))
		loop->settled = false;
	if (!say(loop, &picture, error))
		return STEP_UNSENT;
	return watch->once ? STEP_END : STEP_ON;
}

/* Waits for the readers of the picture sent last. */
static Step wait_change(Loop *loop, guint32 *ret_code, GError **error)
{
	const Watch *watch = loop->watch;
	g_autoptr(Picture) picture = NULL;
	PcscEntry entries[PCSC_READERS_MAX + 1];
	gsize n = fill_entries(loop, loop->sent, false, entries);
	const PcscEntry *pnp = &entries[n - 1];
	bool list;

	*ret_code = watch->ops->change(
		watch->ops_data, loop->settled ? WATCH_ROUND_MS : WATCH_SETTLE_MS, entries, n);
	if (pcsc_result(*ret_code) == PCSC_TIMEOUT)
		loop->settled = loop->proven = true;
	else if (pcsc_result(*ret_code) != PCSC_OK)
		return step_failed(loop, *ret_code, n);

	list = pcsc_result(*ret_code) == PCSC_TIMEOUT;
	if (strcmp(pnp->name, PCSC_PNP) == 0) {
		list = list || (pnp->event & PCSC_STATE_CHANGED) != 0;
		loop->pnp = pnp->event & ~(guint32)PCSC_STATE_CHANGED;
	}
	if (pcsc_result(*ret_code) == PCSC_TIMEOUT) {
		loop->idle = 0;
		return STEP_LIST;
	}

	picture = picture_dup(loop->sent);
	if (take_entries(loop, picture, entries) || list)
		return STEP_LIST;
	return say(loop, &picture, error) ? STEP_ON : STEP_UNSENT;
}

/* A link that woke us WATCH_IDLE_MAX times for nothing is asked less often, until it behaves. */
static bool calm(Loop *loop)
{
	if (loop->idle <= WATCH_IDLE_MAX) {
		loop->calm_ms = 0;
		return true;
	}

	loop->calm_ms = CLAMP(2 * loop->calm_ms, CALM_MIN_MS, WATCH_CALM_MAX_MS);
	return loop->watch->pause(loop->watch->pause_data, loop->calm_ms) != WATCH_WAKE_CLOSED;
}

/* From a link's first look to its loss. */
static Step link_run(Loop *loop, guint32 *ret_code, GError **error)
{
	Step step = STEP_LIST;

	loop->pnp = PCSC_STATE_UNAWARE;
	loop->idle = 0;
	loop->settled = false;
	while (step == STEP_LIST || step == STEP_ON) {
		if (!calm(loop))
			return STEP_END;
		step = step == STEP_LIST ? look(loop, ret_code, error)
					 : wait_change(loop, ret_code, error);
	}

	return step;
}

/* A link that had lasted is tried again at once, so that a restarted pcscd costs no time; otherwise
   after pauses that grow, unless its socket shows that there is something new to try. */
static bool retry(Loop *loop)
{
	WatchWake wake;

	if (loop->proven) {
		loop->proven = false;
		loop->pause_ms = 0;
		return true;
	}

	loop->pause_ms = CLAMP(2 * loop->pause_ms, WATCH_PAUSE_MIN_MS, WATCH_PAUSE_MAX_MS);
	wake = loop->watch->pause(loop->watch->pause_data, loop->pause_ms);
	if (wake == WATCH_WAKE_TIMEOUT)
		loop->dying = false;
	return wake != WATCH_WAKE_CLOSED;
}

static bool loop_run(Loop *loop, GError **error)
{
	const Watch *watch = loop->watch;

	for (;;) {
		guint32 code = watch->ops->establish(watch->ops_data);
		bool linked = pcsc_result(code) == PCSC_OK;

		if (linked) {
			Step step = link_run(loop, &code, error);

			loop->dying = true;
			watch->ops->release(watch->ops_data);
			if (step == STEP_END || step == STEP_UNSENT)
				return step == STEP_END;
		}
		if (!say_unlinked(loop, code, linked, error))
			return false;
		if (watch->once || !retry(loop))
			return true;
	}
}

bool watch_run(const Watch *watch, GError **error)
{
	Loop loop = {.watch = watch, .limit = PCSC_READERS_MAX + 1};
	bool ok = loop_run(&loop, error);

	picture_free(loop.sent);
	return ok;
}
