/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scripted service. The end of the script is that pcscd goes and nobody listens any more: the
 * loop says ABSENT, and its next pause ends it.
 */

#include "part.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <winscard.h>

static guint32 establish(gpointer data)
{
	Part *part = data;
	guint n = part->n_establish++;

	if (n < part->n_opening)
		return part->opening[n];
	return n == 0 || (part->reopen && part->turn < part->n_turns) ? (guint32)SCARD_S_SUCCESS
								      : (guint32)SCARD_E_NO_SERVICE;
}

static void release(gpointer data)
{
	Part *part = data;

	part->n_release++;
}

static guint32 list(gpointer data, char *names, gsize *ret_len)
{
	Part *part = data;
	gsize at = 0;

	part->n_list++;
	if (part->raw_list != NULL) {
		memcpy(names, part->raw_list, part->raw_len);
		at = part->raw_len;
	} else {
		for (guint i = 0; i < part->n_readers; i++) {
			strcpy(names + at, part->readers[i].name);
			at += strlen(part->readers[i].name) + 1;
		}
		names[at++] = '\0';
	}
	*ret_len = part->lie_len != 0 ? part->lie_len : at;
	if (part->after_list != NULL)
		part->after_list(part);
	return part->raw_list == NULL && at == 1 ? (guint32)SCARD_E_NO_READERS_AVAILABLE
						 : (guint32)SCARD_S_SUCCESS;
}

static const PartReader *find(const Part *part, const char *name)
{
	for (guint i = 0; i < part->n_readers; i++)
		if (strcmp(part->readers[i].name, name) == 0)
			return &part->readers[i];
	return NULL;
}

/* One entry as pcsc-lite's loop sees it; true if it has changed. */
static bool evaluate(const Part *part, PcscEntry *entry)
{
	const PartReader *reader = find(part, entry->name);
	const guint32 judged =
		PCSC_STATE_UNKNOWN | PCSC_STATE_UNAVAILABLE | PCSC_STATE_PRESENT | PCSC_STATE_MUTE;
	bool changed;

	if (reader == NULL) {
		entry->event = PCSC_STATE_UNKNOWN | PCSC_STATE_UNAVAILABLE;
		changed = (entry->current & PCSC_STATE_UNKNOWN) == 0;
	} else {
		entry->event = reader->state | reader->counter << 16;
		entry->atr_len = reader->atr_len;
		memset(entry->atr, 0x3b, sizeof entry->atr);
		changed = entry->current == PCSC_STATE_UNAWARE ||
			  ((entry->current ^ entry->event) & judged) != 0 ||
			  (entry->current >> 16 != 0 && entry->current >> 16 != reader->counter);
	}
	if (changed)
		entry->event |= PCSC_STATE_CHANGED;
	return changed;
}

static bool evaluate_all(const Part *part, PcscEntry *entries, gsize n, guint readers_before)
{
	bool changed = false;

	for (gsize i = 0; i < n; i++) {
		if (strcmp(entries[i].name, PCSC_PNP) != 0) {
			changed = evaluate(part, &entries[i]) || changed;
		} else {
			entries[i].event =
				readers_before != part->n_readers ? PCSC_STATE_CHANGED : 0;
			changed = entries[i].event != 0 || changed;
		}
	}
	return changed;
}

/* Plays turns until one ends the wait. */
static guint32 play(Part *part, PcscEntry *entries, gsize n)
{
	guint readers_before = part->n_readers;

	while (part->turn < part->n_turns) {
		const PartTurn *turn = &part->turns[part->turn];

		if (++part->times >= MAX(turn->times, 1)) {
			part->turn++;
			part->times = 0;
		}
		if (turn->act != NULL)
			turn->act(part);
		if (turn->code != 0)
			return turn->code;
		if (evaluate_all(part, entries, n, readers_before) || turn->wake)
			return (guint32)SCARD_S_SUCCESS;
	}
	return (guint32)SCARD_E_NO_SERVICE;
}

static guint32 change(gpointer data, guint32 timeout_ms, PcscEntry *entries, gsize n_entries)
{
	Part *part = data;
	bool look = timeout_ms == 0;

	part->last_entries = n_entries;
	part->last_pnp = false;
	if (look && part->look_code != 0) {
		if (part->turn < part->n_turns)
			part->turn++;
		return part->turn < part->n_turns ? part->look_code : (guint32)SCARD_E_NO_SERVICE;
	}
	if (part->max_entries != 0 && n_entries > part->max_entries)
		return (guint32)SCARD_E_INVALID_PARAMETER;
	for (gsize i = 0; i < n_entries; i++) {
		if (strcmp(entries[i].name, PCSC_PNP) == 0)
			part->last_pnp = true;
		else if (find(part, entries[i].name) == NULL)
			return (guint32)SCARD_E_UNKNOWN_READER;
	}
	if (!look) {
		part->n_wait++;
		g_array_append_val(part->timeouts, timeout_ms);
	}
	if (evaluate_all(part, entries, n_entries, part->n_readers))
		return (guint32)SCARD_S_SUCCESS;
	return look ? (guint32)SCARD_E_TIMEOUT : play(part, entries, n_entries);
}

static const PcscOps ops = {
	.establish = establish,
	.release = release,
	.list = list,
	.change = change,
};

static WatchWake pause_script(gpointer data, guint32 ms)
{
	Part *part = data;

	g_array_append_val(part->pauses, ms);
	if (part->pauses->len <= part->n_woken)
		return WATCH_WAKE_CHANGED;
	return part->turn < part->n_turns || part->n_establish < part->n_opening
		       ? WATCH_WAKE_TIMEOUT
		       : WATCH_WAKE_CLOSED;
}

static void said_free(gpointer data)
{
	PartSaid *said = data;

	g_free(said->detail);
	for (guint i = 0; i < said->n_readers; i++)
		g_free(said->readers[i].name);
	g_free(said);
}

static void read_reader(WireReader *wire, PartSaid *said)
{
	guint i = said->n_readers++;
	g_autoptr(GBytes) atr = NULL;

	ck_assert_uint_lt(i, PART_READERS);
	said->readers[i].name = wire_get_text(wire, WIRE_NAME_MAX);
	said->readers[i].ordinal = wire_get_number(wire);
	said->readers[i].flags = wire_get_number(wire);
	said->readers[i].counter = wire_get_number(wire);
	atr = wire_get_bytes(wire, PCSC_ATR_MAX);
	said->readers[i].atr_len = g_bytes_get_size(atr);
}

/* BEGIN READER* END, again and again, each frame with its fields, and nothing else. */
static void read_back(Part *part, int fd)
{
	g_autoptr(WireReader) wire = wire_reader_new();
	PartSaid *said = NULL;

	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	while (wire_reader_fill(wire, fd, NULL) == 1) {
		if (said == NULL) {
			ck_assert_uint_eq(wire->type, WIRE_WATCH_BEGIN);
			said = g_new0(PartSaid, 1);
			said->service = wire_get_number(wire);
			said->code = wire_get_number(wire);
			said->detail = wire_get_text(wire, WIRE_TEXT_MAX);
		} else if (wire->type == WIRE_WATCH_READER) {
			read_reader(wire, said);
		} else {
			ck_assert_uint_eq(wire->type, WIRE_WATCH_END);
			g_ptr_array_add(part->said, g_steal_pointer(&said));
		}
		ck_assert(wire_reader_done(wire, NULL));
	}
	ck_assert_ptr_null(said);
	ck_assert(!wire_reader_pending(wire));
}

void part_run(Part *part, bool once)
{
	int fd = memfd_create("said", MFD_CLOEXEC);
	Watch watch = {
		.ops = &ops,
		.endpoint = "local",
		.ops_data = part,
		.pause = pause_script,
		.pause_data = part,
		.fd = fd,
		.once = once,
	};

	part->pauses = g_array_new(FALSE, FALSE, sizeof(guint32));
	part->timeouts = g_array_new(FALSE, FALSE, sizeof(guint32));
	part->said = g_ptr_array_new_with_free_func(said_free);
	part->sent = watch_run(&watch, NULL);
	read_back(part, fd);
	ck_assert_int_eq(close(fd), 0);
}

void part_clear(Part *part)
{
	g_array_unref(part->pauses);
	g_array_unref(part->timeouts);
	g_ptr_array_unref(part->said);
}

const PartSaid *part_said(const Part *part, guint n)
{
	ck_assert_uint_lt(n, part->said->len);
	return g_ptr_array_index(part->said, n);
}
