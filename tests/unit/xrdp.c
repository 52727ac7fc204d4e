/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of the PC/SC library for xrdp sessions that only compute: messages and their bounds,
 * what counts as a change, and buffers of callers.
 */
#include "change.h"
#include "give.h"
#include "harness.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

/* --- messages --- */

START_TEST(request_is_written)
{
	static const uint8_t expected[] = {14, 0, 0, 0, 3, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 'a',
		'b', 'c', 'd', 'e', 0, 'x', 0, 0, 0};
	Request request;

	request_begin(&request, 3);
	request_u32(&request, 0x12345678);
	request_bytes(&request, "abc", 3);
	request_field(&request, "defgh", 3);
	request_field(&request, "x", 4);
	ck_assert(request_end(&request));
	ck_assert_uint_eq(request.length, sizeof(expected));
	ck_assert_mem_eq(request.bytes, expected, sizeof(expected));
	ck_assert_uint_eq(request_opcode(&request), 3);
}
END_TEST

START_TEST(request_does_not_overrun)
{
	static const uint8_t bytes[REQUEST_MAX];
	Request request;

	request_begin(&request, 1);
	request_bytes(&request, bytes, REQUEST_MAX - MESSAGE_HEADER);
	ck_assert(request_end(&request));
	request_bytes(&request, bytes, 1);
	ck_assert(!request_end(&request));
	request_begin(&request, 1);
	request_bytes(&request, bytes, SIZE_MAX);
	request_u32(&request, 1);
	ck_assert(!request_end(&request));
	ck_assert_uint_eq(request.length, MESSAGE_HEADER);
}
END_TEST

START_TEST(reply_is_read)
{
	static const uint8_t bytes[] = {1, 0, 0, 0, 'a', 'b', 0xff, 0xff, 0xff, 0xff};
	Reply reply = {.bytes = bytes, .length = sizeof(bytes)};

	ck_assert_uint_eq(reply_u32(&reply), 1);
	ck_assert_mem_eq(reply_bytes(&reply, 2), "ab", 2);
	ck_assert(!reply_whole(&reply));
	ck_assert_uint_eq(reply_u32(&reply), 0xffffffff);
	ck_assert(reply_whole(&reply));
	ck_assert_uint_eq(reply_u32(&reply), 0);
	ck_assert(!reply_whole(&reply));
}
END_TEST

/* Once short, always short: a later, smaller field is not read from where the larger one began. */
START_TEST(reply_stays_overrun)
{
	static const uint8_t bytes[8] = {1};
	Reply reply = {.bytes = bytes, .length = sizeof(bytes)};

	ck_assert_ptr_null(reply_bytes(&reply, 9));
	ck_assert_ptr_null(reply_bytes(&reply, 1));
	ck_assert_uint_eq(reply_u32(&reply), 0);
	ck_assert_ptr_null(reply_bytes(&reply, SIZE_MAX));
	ck_assert(!reply_whole(&reply));
}
END_TEST

/* --- changes --- */

#define CHANGED     SCARD_STATE_CHANGED
#define UNKNOWN     SCARD_STATE_UNKNOWN
#define UNAVAILABLE SCARD_STATE_UNAVAILABLE
#define EMPTY       SCARD_STATE_EMPTY
#define PRESENT     SCARD_STATE_PRESENT
#define EXCLUSIVE   SCARD_STATE_EXCLUSIVE
#define INUSE       SCARD_STATE_INUSE
#define MUTE        SCARD_STATE_MUTE

static const struct {
	DWORD current;
	bool listed;
	uint32_t reported;
	DWORD event;
} changes[] = {
	{0, true, EMPTY, EMPTY | CHANGED},
	{EMPTY, true, EMPTY, EMPTY},
	{EMPTY, true, 0x10000 | EMPTY, 0x10000 | EMPTY},
	{0x10000 | EMPTY, true, 0x10000 | EMPTY, 0x10000 | EMPTY},
	{0x10000 | EMPTY, true, 0x30000 | EMPTY, 0x30000 | EMPTY | CHANGED},
	{EMPTY, true, 0x10000 | PRESENT, 0x10000 | PRESENT | CHANGED},
	{PRESENT, true, EMPTY, EMPTY | CHANGED},
	{PRESENT, true, PRESENT | CHANGED, PRESENT},
	{PRESENT, true, PRESENT | INUSE, PRESENT | INUSE},
	{PRESENT | INUSE, true, PRESENT, PRESENT | CHANGED},
	{PRESENT | EXCLUSIVE, true, PRESENT | INUSE, PRESENT | INUSE | CHANGED},
	{PRESENT | INUSE, true, PRESENT | EXCLUSIVE, PRESENT | EXCLUSIVE | CHANGED},
	{PRESENT | EXCLUSIVE, true, PRESENT | EXCLUSIVE | INUSE, PRESENT | EXCLUSIVE},
	{PRESENT, true, PRESENT | MUTE, PRESENT | MUTE | CHANGED},
	{PRESENT | MUTE, true, PRESENT | MUTE, PRESENT | MUTE},
	{PRESENT | MUTE, true, PRESENT, PRESENT | CHANGED},
	{EMPTY, true, EMPTY | MUTE | INUSE, EMPTY},
	{EMPTY, true, UNAVAILABLE, UNAVAILABLE | CHANGED},
	{UNAVAILABLE, true, UNAVAILABLE, UNAVAILABLE},
	{UNAVAILABLE, true, EMPTY, EMPTY | CHANGED},
	{EMPTY, true, 0, UNAVAILABLE | CHANGED}, /* a client that says nothing */
	{EMPTY, true, 0x50000 | UNKNOWN, UNAVAILABLE | CHANGED},
	{UNKNOWN, true, EMPTY, EMPTY | CHANGED},
	{EMPTY, false, 0, UNKNOWN | UNAVAILABLE | CHANGED},
	{UNKNOWN, false, 0, UNKNOWN | UNAVAILABLE},
};

START_TEST(change_of_a_reader)
{
	ck_assert_uint_eq(
		change_of_reader(changes[_i].current, changes[_i].listed, changes[_i].reported),
		changes[_i].event);
}
END_TEST

START_TEST(change_of_the_list)
{
	ck_assert_uint_eq(change_of_list(0, 2, 2), 0x20000);
	ck_assert_uint_eq(change_of_list(0, 2, 1), 0x10000 | CHANGED);
	ck_assert_uint_eq(change_of_list(0x20000, 2, 2), 0x20000);
	ck_assert_uint_eq(change_of_list(0x10000, 2, 2), 0x20000 | CHANGED);
	ck_assert_uint_eq(change_of_list(0x10000, 0, 0), CHANGED);
	ck_assert(change_is_notification("\\\\?PnP?\\Notification"));
	ck_assert(change_is_notification("\\\\?pnp?\\notification"));
	ck_assert(!change_is_notification("Notification"));
}
END_TEST

/* --- buffers --- */

START_TEST(buffers)
{
	char buffer[8] = "???????";
	char *allocated = NULL;
	DWORD length = 4;

	ck_assert_int_eq(give(buffer, &length, "abcde", 5), SCARD_E_INSUFFICIENT_BUFFER);
	ck_assert_uint_eq(length, 5);
	ck_assert_str_eq(buffer, "???????");
	length = 4;
	ck_assert_int_eq(give_what_fits(buffer, &length, "abcde", 5), SCARD_E_INSUFFICIENT_BUFFER);
	ck_assert_uint_eq(length, 5);
	ck_assert_str_eq(buffer, "abcd???");
	ck_assert_int_eq(give(buffer, &length, "edcba", 5), SCARD_S_SUCCESS);
	ck_assert_str_eq(buffer, "edcba??");
	length = 0;
	ck_assert_int_eq(give(NULL, &length, "abcde", 5), SCARD_S_SUCCESS);
	ck_assert_uint_eq(length, 5);
	length = SCARD_AUTOALLOCATE;
	ck_assert_int_eq(give(NULL, &length, "abcde", 5), SCARD_E_INVALID_PARAMETER);
	length = SCARD_AUTOALLOCATE;
	ck_assert_int_eq(give(&allocated, &length, "abcde", 6), SCARD_S_SUCCESS);
	ck_assert_uint_eq(length, 6);
	ck_assert_str_eq(allocated, "abcde");
	free(allocated);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("xrdp");
	TCase *messages = tcase_create("messages");
	TCase *change = tcase_create("changes");
	TCase *buffer = tcase_create("buffers");

	tcase_add_test(messages, request_is_written);
	tcase_add_test(messages, request_does_not_overrun);
	tcase_add_test(messages, reply_is_read);
	tcase_add_test(messages, reply_stays_overrun);
	suite_add_tcase(suite, messages);
	tcase_add_loop_test(
		change, change_of_a_reader, 0, (int)(sizeof(changes) / sizeof(changes[0])));
	tcase_add_test(change, change_of_the_list);
	suite_add_tcase(suite, change);
	tcase_add_test(buffer, buffers);
	suite_add_tcase(suite, buffer);
	return harness_run(suite, argc, argv);
}
