/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames: what is packed is unpacked alike, however it is cut into reads; and whatever else arrives
 * is refused without harm.
 */

#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "harness.h"

#define HEAD_LEN 8

/* A frame as a test knows it: up to four fields of one kind each. */
typedef struct Sample {
	WireType type;
	char kinds[5];
	guint64 number[4];
	char *text[4];
	GBytes *bytes[4];
} Sample;

static Sample *sample_new(GRand *rand)
{
	static const gsize sizes[] = {0, 1, 7, 8, 9, 255, 4096, 30000};
	Sample *s = g_new0(Sample, 1);
	int n = g_rand_int_range(rand, 0, 5);

	s->type = (WireType)g_rand_int_range(rand, 0, 256);
	for (int i = 0; i < n; i++) {
		gsize len = sizes[g_rand_int_range(rand, 0, G_N_ELEMENTS(sizes))];
		g_autofree char *data = g_malloc0(len + 1);

		for (gsize j = 0; j < len; j++)
			data[j] = (char)g_rand_int_range(rand, 1, 128);
		s->kinds[i] = "ntb"[g_rand_int_range(rand, 0, 3)];
		s->number[i] = (guint64)g_rand_int(rand) << 32 | g_rand_int(rand);
		s->text[i] = g_strdup(data);
		s->bytes[i] = g_bytes_new(data, len);
	}

	return s;
}

static void sample_free(Sample *s)
{
	for (int i = 0; i < 4; i++) {
		g_free(s->text[i]);
		g_bytes_unref(s->bytes[i]);
	}
	g_free(s);
}

static void sample_pack(const Sample *s, GByteArray *stream)
{
	g_autoptr(GBytes) packed = NULL;
	WireFrame frame;

	wire_frame_begin(&frame, s->type);
	for (int i = 0; s->kinds[i] != '\0'; i++) {
		if (s->kinds[i] == 'n')
			wire_frame_number(&frame, s->number[i]);
		else if (s->kinds[i] == 't')
			wire_frame_text(&frame, s->text[i]);
		else
			wire_frame_bytes(&frame, g_bytes_get_data(s->bytes[i], NULL),
				g_bytes_get_size(s->bytes[i]));
	}
	packed = wire_frame_end(&frame);
	ck_assert_ptr_null(frame.bytes);
	g_byte_array_append(
		stream, g_bytes_get_data(packed, NULL), (guint)g_bytes_get_size(packed));
}

static void sample_check(const Sample *s, WireReader *reader)
{
	ck_assert_int_eq((int)reader->type, (int)s->type);
	for (int i = 0; s->kinds[i] != '\0'; i++) {
		if (s->kinds[i] == 'n') {
			ck_assert_uint_eq(wire_get_number(reader), s->number[i]);
		} else if (s->kinds[i] == 't') {
			g_autofree char *text = wire_get_text(reader, WIRE_TEXT_MAX);

			ck_assert_str_eq(text, s->text[i]);
		} else {
			g_autoptr(GBytes) bytes = wire_get_bytes(reader, WIRE_FRAME_MAX);

			ck_assert(g_bytes_equal(bytes, s->bytes[i]));
		}
	}
	ck_assert(wire_reader_done(reader, NULL));
}

START_TEST(round_trip_in_random_pieces)
{
	GRand *rand = g_rand_new_with_seed((guint32)_i);
	g_autoptr(GByteArray) stream = g_byte_array_new();
	g_autoptr(WireReader) reader = wire_reader_new();
	Sample *samples[20];
	gsize at = 0, taken = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
		samples[i] = sample_new(rand);
		sample_pack(samples[i], stream);
	}
	while (at < stream->len) {
		gsize piece = (gsize)g_rand_int_range(rand, 1, _i % 2 == 0 ? 20 : 40000);
		gsize len = MIN(piece, stream->len - at);

		wire_reader_push(reader, stream->data + at, len);
		at += len;
		while (wire_reader_next(reader, NULL) == 1) {
			ck_assert_uint_lt(taken, G_N_ELEMENTS(samples));
			sample_check(samples[taken++], reader);
		}
	}
	ck_assert_uint_eq(taken, G_N_ELEMENTS(samples));
	ck_assert(!wire_reader_pending(reader));

	for (gsize i = 0; i < G_N_ELEMENTS(samples); i++)
		sample_free(samples[i]);
	g_rand_free(rand);
}
END_TEST

START_TEST(byte_order_is_fixed)
{
	static const guint8 expected[] = {0x20, 0, 0, 0, 19, 0, 0, 0, 8, 0, 0, 0, 8, 7, 6, 5, 4, 3,
		2, 1, 3, 0, 0, 0, 'a', 'b', 'c'};
	g_autoptr(GBytes) frame =
		wire_pack(WIRE_SCAN_TOKEN, "nt", G_GUINT64_CONSTANT(0x0102030405060708), "abc");

	ck_assert_uint_eq(g_bytes_get_size(frame), sizeof expected);
	ck_assert_mem_eq(g_bytes_get_data(frame, NULL), expected, sizeof expected);
}
END_TEST

START_TEST(truncated_at_every_byte)
{
	g_autoptr(GBytes) frame = wire_pack(WIRE_SCAN_CERT, "btnb", "\1", (gsize)1, "label",
		(guint64)WIRE_KEY_SEEN, "DER", (gsize)3);

	for (gsize len = 0; len < g_bytes_get_size(frame); len++) {
		g_autoptr(WireReader) reader = wire_reader_new();

		wire_reader_push(reader, g_bytes_get_data(frame, NULL), len);
		ck_assert_int_eq(wire_reader_next(reader, NULL), 0);
		ck_assert(wire_reader_pending(reader) == (len > 0));
	}
}
END_TEST

/* Makes `payload` a frame and puts a reader on it. */
static WireReader *reader_on(const void *payload, guint32 len)
{
	WireReader *reader = wire_reader_new();
	guint32 head[2] = {GUINT32_TO_LE(0x20), GUINT32_TO_LE(len)};

	wire_reader_push(reader, head, sizeof head);
	wire_reader_push(reader, payload, len);
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	return reader;
}

static void assert_bad(WireReader *reader)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!wire_reader_done(reader, &error));
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL));
}

START_TEST(ill_formed_numbers)
{
	static const struct {
		const char *payload;
		guint32 len;
	} cases[] = {{"", 0}, {"\x08\0\0", 3}, {"\x08\0\0\0", 4}, {"\x08\0\0\0\1\2\3\4\5\6\7", 11},
		{"\x07\0\0\0\1\2\3\4\5\6\7", 11}, {"\x09\0\0\0\1\2\3\4\5\6\7\x08\x09", 13},
		{"\xff\xff\xff\xff\1\2\3\4\5\6\7\x08", 12},
		{"\xfc\xff\xff\xff\1\2\3\4\5\6\7\x08", 12},
		{"\x08\0\0\0\1\2\3\4\5\6\7\x08 surplus", 20}};
	g_autoptr(WireReader) reader = reader_on(cases[_i].payload, cases[_i].len);

	(void)wire_get_number(reader);
	assert_bad(reader);
}
END_TEST

START_TEST(ill_formed_texts)
{
	static const struct {
		const char *payload;
		guint32 len;
		gsize max;
	} cases[] = {{"\1\0\0\0\xff", 5, 10}, {"\3\0\0\0a\0b", 7, 10}, {"\3\0\0\0abc", 7, 2},
		{"\4\0\0\0abc", 7, 10}, {"\2\0\0\0\xc3", 5, 10}, {"\2\0\0\0\xc3(", 6, 10}};
	g_autoptr(WireReader) reader = reader_on(cases[_i].payload, cases[_i].len);
	g_autofree char *text = wire_get_text(reader, cases[_i].max);

	ck_assert_str_eq(text, "");
	assert_bad(reader);
}
END_TEST

START_TEST(bad_stays_bad)
{
	/* A good number after a bad field must not be believed. */
	g_autoptr(GBytes) frame = wire_pack(WIRE_SCAN_TOKEN, "tn", "abc", (guint64)7);
	g_autoptr(WireReader) reader = wire_reader_new();
	g_autoptr(GBytes) bytes = NULL;

	wire_reader_push(reader, g_bytes_get_data(frame, NULL), g_bytes_get_size(frame));
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	bytes = wire_get_bytes(reader, 2);
	ck_assert_uint_eq(g_bytes_get_size(bytes), 0);
	ck_assert_uint_eq(wire_get_number(reader), 0);
	assert_bad(reader);
}
END_TEST

START_TEST(surplus_field_is_refused)
{
	g_autoptr(GBytes) frame = wire_pack(WIRE_SCAN_TOKEN, "nn", (guint64)1, (guint64)2);
	g_autoptr(WireReader) reader = wire_reader_new();

	wire_reader_push(reader, g_bytes_get_data(frame, NULL), g_bytes_get_size(frame));
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	ck_assert_uint_eq(wire_get_number(reader), 1);
	assert_bad(reader);
}
END_TEST

START_TEST(unread_frame_is_not_whole_after_a_push)
{
	g_autoptr(GBytes) frame = wire_pack(WIRE_SCAN_TOKEN, "n", (guint64)1);
	g_autoptr(WireReader) reader = wire_reader_new();

	wire_reader_push(reader, g_bytes_get_data(frame, NULL), g_bytes_get_size(frame));
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	wire_reader_push(reader, "x", 1);
	assert_bad(reader);
}
END_TEST

START_TEST(head_over_the_cap)
{
	static const guint32 lengths[] = {WIRE_FRAME_MAX + 1, 0x7fffffff, 0xfffffff8, 0xffffffff};
	g_autoptr(WireReader) reader = wire_reader_new();
	g_autoptr(GError) error = NULL;
	guint32 head[2] = {GUINT32_TO_LE(0x20), GUINT32_TO_LE(lengths[_i])};

	wire_reader_push(reader, head, sizeof head);
	ck_assert_int_eq(wire_reader_next(reader, &error), -1);
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL));
	ck_assert_int_eq(wire_reader_next(reader, NULL), -1);
}
END_TEST

START_TEST(largest_frame_passes)
{
	g_autofree guint8 *data = g_malloc0(WIRE_FRAME_MAX);
	g_autoptr(GBytes) fits = wire_pack(WIRE_SCAN_CERT, "b", data, (gsize)WIRE_FRAME_MAX - 4);
	g_autoptr(GBytes) over = wire_pack(WIRE_SCAN_CERT, "b", data, (gsize)WIRE_FRAME_MAX - 3);
	g_autoptr(WireReader) reader = wire_reader_new();
	g_autoptr(GBytes) back = NULL;

	ck_assert_ptr_null(over);
	wire_reader_push(reader, g_bytes_get_data(fits, NULL), g_bytes_get_size(fits));
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	back = wire_get_bytes(reader, WIRE_FRAME_MAX);
	ck_assert_uint_eq(g_bytes_get_size(back), WIRE_FRAME_MAX - 4);
	ck_assert(wire_reader_done(reader, NULL));
}
END_TEST

START_TEST(frame_over_the_cap_is_not_sent)
{
	g_autofree guint8 *data = g_malloc0(WIRE_FRAME_MAX);
	g_autoptr(GError) error = NULL;
	int fds[2];
	char byte;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	/* Also when a field that would fit comes after the one that did not. */
	ck_assert(!wire_send(fds[1], &error, WIRE_SCAN_CERT, "bbn", data, (gsize)200000, data,
		(gsize)100000, (guint64)1));
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT));
	ck_assert_int_eq(close(fds[1]), 0);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	(void)close(fds[0]);
}
END_TEST

START_TEST(texts_are_repaired_and_cut)
{
	/* Two-byte characters after one byte: the cap falls into the middle of one. */
	GString *text = g_string_new("a");
	g_autoptr(GBytes) frame = NULL;
	g_autoptr(WireReader) reader = wire_reader_new();
	g_autofree char *cut = NULL, *repaired = NULL, *empty = NULL;

	while (text->len < WIRE_TEXT_MAX + 100)
		g_string_append(text, "ä");
	frame = wire_pack(WIRE_SCAN_NOTE, "ttt", text->str, "\xff", NULL);
	wire_reader_push(reader, g_bytes_get_data(frame, NULL), g_bytes_get_size(frame));
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	cut = wire_get_text(reader, WIRE_TEXT_MAX);
	repaired = wire_get_text(reader, WIRE_TEXT_MAX);
	empty = wire_get_text(reader, WIRE_TEXT_MAX);
	ck_assert(wire_reader_done(reader, NULL));

	ck_assert_uint_eq(strlen(cut), WIRE_TEXT_MAX - 1);
	ck_assert(g_str_has_prefix(text->str, cut));
	ck_assert_str_eq(repaired, "\ufffd");
	ck_assert_str_eq(empty, "");
	(void)g_string_free(text, TRUE);
}
END_TEST

/* Asks a frame for fields until it is used up or refused, in a random order of kinds. */
static void drain(WireReader *reader, GRand *rand)
{
	for (unsigned i = 0; i < 50 && !reader->bad; i++) {
		g_autofree char *text = NULL;
		g_autoptr(GBytes) bytes = NULL;

		switch (g_rand_int_range(rand, 0, 3)) {
		case 0:
			(void)wire_get_number(reader);
			break;
		case 1:
			text = wire_get_text(reader, 100);
			ck_assert_uint_le(strlen(text), 100);
			ck_assert(g_utf8_validate(text, -1, NULL));
			break;
		default:
			bytes = wire_get_bytes(reader, 200);
			ck_assert_uint_le(g_bytes_get_size(bytes), 200);
			break;
		}
	}
	ck_assert(!wire_reader_done(reader, NULL) || reader->left == 0);
}

START_TEST(garbage)
{
	GRand *rand = g_rand_new_with_seed((guint32)_i + 1000);
	g_autoptr(WireReader) reader = wire_reader_new();
	gsize pushed = 0;

	while (pushed < 300000) {
		guint8 chunk[512];
		int r;

		/* Mostly small numbers, so that lengths are often plausible. */
		for (gsize i = 0; i < sizeof chunk; i++)
			chunk[i] = (guint8)(g_rand_int_range(rand, 0, 4) == 0
						    ? g_rand_int_range(rand, 0, 64)
						    : 0);
		wire_reader_push(reader, chunk, sizeof chunk);
		pushed += sizeof chunk;
		while ((r = wire_reader_next(reader, NULL)) == 1)
			drain(reader, rand);
		if (r < 0)
			break;
		/* Never more than one unfinished frame is kept. */
		ck_assert_uint_le(reader->buffer->len - reader->taken, WIRE_FRAME_MAX + HEAD_LEN);
	}
	g_rand_free(rand);
}
END_TEST

static void on_alarm(int signal)
{
}

/* A pipe much smaller than the frame, a reader that takes it byte-wise at first, and signals that
   interrupt both sides. */
START_TEST(short_writes_and_interrupts)
{
	const gsize size = 200000;
	g_autofree guint8 *data = g_malloc(size);
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
	g_autoptr(WireReader) reader = wire_reader_new();
	g_autoptr(GBytes) back = NULL;
	int fds[2], status;
	pid_t pid;

	for (gsize i = 0; i < size; i++)
		data[i] = (guint8)(i * 7);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_gt(fcntl(fds[1], F_SETPIPE_SZ, 4096), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(fds[0]);
		(void)sigaction(SIGALRM, &action, NULL);
		(void)ualarm(200, 200);
		status = wire_send(fds[1], NULL, WIRE_SCAN_CERT, "b", data, size) ? 0 : 1;
		g_free(g_steal_pointer(&data)); /* valgrind makes a leak an exit status */
		_exit(status);
	}
	(void)close(fds[1]);

	ck_assert_int_eq(wire_reader_fill(reader, fds[0], NULL), 1);
	back = wire_get_bytes(reader, WIRE_FRAME_MAX);
	ck_assert(wire_reader_done(reader, NULL));
	ck_assert_uint_eq(g_bytes_get_size(back), size);
	ck_assert_mem_eq(g_bytes_get_data(back, NULL), data, size);
	ck_assert_int_eq(wire_reader_fill(reader, fds[0], NULL), 0);
	(void)close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(fill_tells_a_cut_off_stream)
{
	g_autoptr(GBytes) frame = wire_pack(WIRE_SCAN_NOTE, "t", "half");
	g_autoptr(WireReader) reader = wire_reader_new();
	g_autoptr(GError) error = NULL;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(write(fds[1], g_bytes_get_data(frame, NULL), 10), 10);
	ck_assert_int_eq(close(fds[1]), 0);
	ck_assert_int_eq(wire_reader_fill(reader, fds[0], &error), -1);
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL));
	(void)close(fds[0]);
}
END_TEST

static TCase *good_frames(void)
{
	TCase *tcase = tcase_create("good");

	tcase_add_loop_test(tcase, round_trip_in_random_pieces, 0, 10);
	tcase_add_test(tcase, byte_order_is_fixed);
	tcase_add_test(tcase, largest_frame_passes);
	tcase_add_test(tcase, texts_are_repaired_and_cut);
	tcase_add_test(tcase, short_writes_and_interrupts);
	return tcase;
}

static TCase *bad_frames(void)
{
	TCase *tcase = tcase_create("bad");

	tcase_add_test(tcase, truncated_at_every_byte);
	tcase_add_loop_test(tcase, ill_formed_numbers, 0, 9);
	tcase_add_loop_test(tcase, ill_formed_texts, 0, 6);
	tcase_add_test(tcase, bad_stays_bad);
	tcase_add_test(tcase, surplus_field_is_refused);
	tcase_add_test(tcase, unread_frame_is_not_whole_after_a_push);
	tcase_add_loop_test(tcase, head_over_the_cap, 0, 4);
	tcase_add_test(tcase, frame_over_the_cap_is_not_sent);
	tcase_add_loop_test(tcase, garbage, 0, 10);
	tcase_add_test(tcase, fill_tells_a_cut_off_stream);
	return tcase;
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("wire");

	suite_add_tcase(suite, good_frames());
	suite_add_tcase(suite, bad_frames());

	return harness_run(suite, argc, argv);
}
