/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PC/SC library for xrdp sessions in the world: OpenSC reads and signs through it, RDP clients
 * come and go, chansrv dies, threads and children share it. Loaded as programs load it, by
 * dlopen(): the test program itself is linked with the stock library, which the rig needs.
 */
#include "harness.h"
#include "stage.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <winscard.h>

#define DISPLAY_NUMBER "10"
#define OTHER_DISPLAY  "11"
#define LONG_MS        60000
#define AT_ONCE_US     (10 * G_USEC_PER_SEC) /* far below the library's own deadlines */
#define PNP            "\\\\?PnP?\\Notification"

typedef struct {
	void *library;
	LONG (*establish)(DWORD, LPCVOID, LPCVOID, LPSCARDCONTEXT);
	LONG (*release)(SCARDCONTEXT);
	LONG (*is_valid)(SCARDCONTEXT);
	LONG (*list)(SCARDCONTEXT, LPCSTR, LPSTR, LPDWORD);
	LONG (*change)(SCARDCONTEXT, DWORD, SCARD_READERSTATE *, DWORD);
	LONG (*connect)(SCARDCONTEXT, LPCSTR, DWORD, DWORD, LPSCARDHANDLE, LPDWORD);
	LONG(*transmit)
	(SCARDHANDLE, const SCARD_IO_REQUEST *, LPCBYTE, DWORD, SCARD_IO_REQUEST *, LPBYTE,
		LPDWORD);
	LONG (*cancel)(SCARDCONTEXT);
} Api;

static Api api;
static RigChansrv *chansrv;

static void *symbol(const char *name)
{
	void *found = dlsym(api.library, name);

	ck_assert_msg(found != NULL, "%s", dlerror());
	return found;
}

static void load(void)
{
	g_autofree char *library = rig_chansrv_library();

	api.library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(api.library != NULL, "%s", dlerror());
	*(void **)&api.establish = symbol("SCardEstablishContext");
	*(void **)&api.release = symbol("SCardReleaseContext");
	*(void **)&api.is_valid = symbol("SCardIsValidContext");
	*(void **)&api.list = symbol("SCardListReaders");
	*(void **)&api.change = symbol("SCardGetStatusChange");
	*(void **)&api.connect = symbol("SCardConnect");
	*(void **)&api.transmit = symbol("SCardTransmit");
	*(void **)&api.cancel = symbol("SCardCancel");
}

/* The environment of a session, for the library in this process. */
static void enter_session(const char *home, const char *display)
{
	g_setenv("HOME", home, TRUE);
	g_setenv("DISPLAY", display, TRUE);
	g_setenv("XRDP_SESSION", "1", TRUE);
}

static void setup(void)
{
	stage_set_up();
	chansrv = rig_chansrv_new(stage.home->home, DISPLAY_NUMBER);
	enter_session(stage.home->home, ":" DISPLAY_NUMBER ".0");
	load();
}

static void teardown(void)
{
	g_clear_pointer(&chansrv, rig_chansrv_free);
	if (api.library != NULL)
		dlclose(api.library);
	api = (Api){0};
	stage_tear_down();
}

static SCARDCONTEXT new_context(void)
{
	SCARDCONTEXT context;

	ck_assert_int_eq(api.establish(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_S_SUCCESS);
	return context;
}

static LONG establish_code(void)
{
	SCARDCONTEXT context = 0;
	LONG code = api.establish(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

	if (code == SCARD_S_SUCCESS)
		ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
	return code;
}

static LONG list_code(SCARDCONTEXT context)
{
	DWORD length = 0;

	return api.list(context, NULL, NULL, &length);
}

/* --- OpenSC --- */

static void use_provider(void)
{
	g_autofree char *library = rig_chansrv_library();
	g_autofree char *conf = rig_home_path(stage.home, "opensc.conf");
	g_autofree char *text = g_strdup_printf(
		"app default { reader_driver pcsc { provider_library = %s; } }\n", library);

	rig_home_write(stage.home, "opensc.conf", text);
	stage.environment = g_environ_setenv(
		rig_chansrv_environment(chansrv, stage.environment), "OPENSC_CONF", conf, TRUE);
}

static void use_library_path(void)
{
	g_autofree char *library = rig_chansrv_library();
	g_autofree char *directory = rig_home_path(stage.home, "pcsc");
	g_autofree char *link = g_build_filename(directory, "libpcsclite.so.1", NULL);

	ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
	ck_assert_int_eq(symlink(library, link), 0);
	stage.environment = g_environ_setenv(rig_chansrv_environment(chansrv, stage.environment),
		"LD_LIBRARY_PATH", directory, TRUE);
}

START_TEST(opensc_reads_and_signs)
{
	rig_chansrv_connect(chansrv);
	rig_card_insert_seen(stage.card);
	if (_i == 0)
		use_provider();
	else
		use_library_path();
	ck_assert_uint_eq(stage_listed(), 4);
	stage_assert_reads_back(stage.directory, 0);
	stage_sign_and_verify(0, "SHA256-RSA-PKCS");
	stage_sign_and_verify(1, "ECDSA-SHA256");
	ck_assert_uint_gt(rig_chansrv_requests(chansrv), 100);
}
END_TEST

START_TEST(opensc_says_so_when_no_card_can_be_used)
{
	const char *argv[] = {"pkcs11-tool", "-O", "--type", "cert", NULL};

	rig_chansrv_connect(chansrv);
	rig_chansrv_set_mode(chansrv, "confused");
	rig_card_insert_seen(stage.card);
	use_provider();
	ck_assert_int_ne(rig_run(argv, stage.environment, NULL, NULL), 0);
	ck_assert_uint_gt(rig_chansrv_requests(chansrv), 0);
}
END_TEST

START_TEST(misread_handle_is_no_card)
{
	SCARDCONTEXT context;
	SCARDHANDLE card = 1;
	DWORD protocol;

	rig_chansrv_connect(chansrv);
	rig_chansrv_set_mode(chansrv, "confused");
	rig_card_insert_seen(stage.card);
	context = new_context();
	ck_assert_int_eq(api.connect(context, stage_reader(), SCARD_SHARE_SHARED,
				 SCARD_PROTOCOL_ANY, &card, &protocol),
		SCARD_E_READER_UNSUPPORTED);
	ck_assert_int_eq(card, 0);
	rig_card_remove_seen(stage.card);
	ck_assert_int_eq(api.connect(context, stage_reader(), SCARD_SHARE_SHARED,
				 SCARD_PROTOCOL_ANY, &card, &protocol),
		SCARD_E_NO_SMARTCARD);
	ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
}
END_TEST

/* --- whether there is a service --- */

START_TEST(no_session_no_service)
{
	rig_chansrv_connect(chansrv);
	ck_assert_int_eq(establish_code(), SCARD_S_SUCCESS);
	g_unsetenv("XRDP_SESSION");
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	g_setenv("XRDP_SESSION", "1", TRUE);
	g_setenv("DISPLAY", ":" OTHER_DISPLAY, TRUE);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	g_setenv("DISPLAY", "localhost:" DISPLAY_NUMBER ".0", TRUE);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	g_setenv("DISPLAY", ":" DISPLAY_NUMBER "/..", TRUE);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	g_unsetenv("DISPLAY");
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	g_setenv("DISPLAY", ":" DISPLAY_NUMBER, TRUE);
	ck_assert_int_eq(establish_code(), SCARD_S_SUCCESS);
	g_setenv("HOME", "relative", TRUE);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
}
END_TEST

START_TEST(strange_sockets_are_none)
{
	g_autofree char *directory = rig_home_path(stage.home, ".pcsc" DISPLAY_NUMBER);
	g_autofree char *socket = g_build_filename(directory, "pcscd.comm", NULL);
	g_autofree char *elsewhere = rig_home_path(stage.home, "elsewhere");

	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE); /* no client yet */
	rig_chansrv_connect(chansrv);
	ck_assert_int_eq(establish_code(), SCARD_S_SUCCESS);
	ck_assert_int_eq(chmod(directory, 0777), 0);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(chmod(directory, 0700), 0);
	ck_assert_int_eq(rename(socket, elsewhere), 0);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(symlink(elsewhere, socket), 0);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(unlink(socket), 0);
	ck_assert(g_file_set_contents(socket, "", 0, NULL));
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(rename(elsewhere, socket), 0);
	ck_assert_int_eq(establish_code(), SCARD_S_SUCCESS);
}
END_TEST

START_TEST(displays_are_apart)
{
	g_autoptr(RigChansrv) other = rig_chansrv_new(stage.home->home, OTHER_DISPLAY);
	SCARDCONTEXT here, there;

	rig_chansrv_connect(chansrv);
	rig_chansrv_connect(other);
	here = new_context();
	g_setenv("DISPLAY", ":" OTHER_DISPLAY, TRUE);
	there = new_context();
	rig_chansrv_disconnect(chansrv);
	ck_assert_int_eq(list_code(here), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(list_code(there), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(here), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(there), SCARD_S_SUCCESS);
}
END_TEST

/* --- a wait in a thread --- */

typedef struct {
	SCARDCONTEXT context;
	SCARD_READERSTATE state;
	LONG code;
	gint ended;
	pthread_t thread;
} Waiter;

static void *waiter_run(void *data)
{
	Waiter *waiter = data;

	waiter->code = api.change(waiter->context, INFINITE, &waiter->state, 1);
	g_atomic_int_set(&waiter->ended, 1);
	return NULL;
}

static bool asks(gpointer data)
{
	guint64 *before = data;

	return rig_chansrv_requests(chansrv) > *before;
}

/* Returns when the wait has reached the client. */
static void waiter_start(Waiter *waiter, SCARDCONTEXT context, const char *reader)
{
	SCARD_READERSTATE now = {.szReader = reader};
	guint64 before;

	ck_assert_int_eq(api.change(context, 0, &now, 1),
		strcmp(reader, PNP) == 0 ? SCARD_E_TIMEOUT : SCARD_S_SUCCESS);
	*waiter = (Waiter){.context = context,
		.state = {.szReader = reader,
			.dwCurrentState = now.dwEventState & ~(DWORD)SCARD_STATE_CHANGED}};
	before = rig_chansrv_requests(chansrv) + 2;
	ck_assert_int_eq(pthread_create(&waiter->thread, NULL, waiter_run, waiter), 0);
	rig_wait_until(asks, &before, LONG_MS, "a wait that has begun");
	ck_assert(!g_atomic_int_get(&waiter->ended));
}

static LONG waiter_end(Waiter *waiter, gint64 *ret_took)
{
	gint64 start = g_get_monotonic_time();

	ck_assert_int_eq(pthread_join(waiter->thread, NULL), 0);
	*ret_took = g_get_monotonic_time() - start;
	return waiter->code;
}

/* Not closed, not answered: the wait ends all the same. */
START_TEST(client_disconnects_in_a_wait)
{
	SCARDCONTEXT context, next;
	Waiter waiter;
	gint64 took;

	rig_chansrv_connect(chansrv);
	context = new_context();
	waiter_start(&waiter, context, _i == 0 ? stage_reader() : PNP);
	rig_chansrv_disconnect(chansrv);
	ck_assert_int_eq(waiter_end(&waiter, &took), SCARD_E_NO_SERVICE);
	ck_assert_int_lt(took, AT_ONCE_US);
	ck_assert_int_eq(list_code(context), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	rig_chansrv_connect(chansrv);
	ck_assert_int_eq(list_code(context), SCARD_E_NO_SERVICE);
	next = new_context();
	ck_assert_int_eq(list_code(next), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(next), SCARD_S_SUCCESS);
}
END_TEST

/* Between two calls, and both at once: an old context never sees the new client. */
START_TEST(client_reconnects_between_calls)
{
	SCARDCONTEXT context;
	SCARDHANDLE card;
	DWORD protocol, length = 300;
	BYTE answer[300];

	rig_chansrv_connect(chansrv);
	rig_card_insert_seen(stage.card);
	context = new_context();
	ck_assert_int_eq(api.connect(context, stage_reader(), SCARD_SHARE_SHARED,
				 SCARD_PROTOCOL_ANY, &card, &protocol),
		SCARD_S_SUCCESS);
	rig_chansrv_disconnect(chansrv);
	rig_chansrv_connect(chansrv);
	ck_assert_int_eq(api.transmit(card, SCARD_PCI_T1, (const BYTE *)"\0\xa4\4\0", 4, NULL,
				 answer, &length),
		SCARD_E_NO_SERVICE);
	ck_assert_int_eq(list_code(context), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(api.is_valid(context), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.is_valid(context), SCARD_E_INVALID_HANDLE);
}
END_TEST

START_TEST(chansrv_is_killed)
{
	SCARDCONTEXT context;
	Waiter waiter;
	gint64 took;

	rig_chansrv_connect(chansrv);
	context = new_context();
	waiter_start(&waiter, context, stage_reader());
	rig_chansrv_kill(chansrv);
	ck_assert_int_eq(waiter_end(&waiter, &took), SCARD_E_NO_SERVICE);
	ck_assert_int_lt(took, AT_ONCE_US);
	ck_assert_int_eq(list_code(context), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
	g_clear_pointer(&chansrv, rig_chansrv_free);
	chansrv = rig_chansrv_new(stage.home->home, DISPLAY_NUMBER);
	rig_chansrv_connect(chansrv);
	ck_assert_int_eq(establish_code(), SCARD_S_SUCCESS);
}
END_TEST

START_TEST(contexts_do_not_wait_for_each_other)
{
	SCARDCONTEXT waiting, other, third;
	Waiter first, second;
	gint64 took;

	rig_chansrv_connect(chansrv);
	waiting = new_context();
	other = new_context();
	third = new_context();
	waiter_start(&first, waiting, stage_reader());
	waiter_start(&second, other, rig_pcscd_reader(stage.pcscd, 1));
	ck_assert_int_eq(list_code(third), SCARD_S_SUCCESS);
	rig_card_insert_seen(stage.card);
	ck_assert_int_eq(waiter_end(&first, &took), SCARD_S_SUCCESS);
	ck_assert_uint_eq(first.state.dwEventState & SCARD_STATE_PRESENT, SCARD_STATE_PRESENT);
	ck_assert(!g_atomic_int_get(&second.ended));
	ck_assert_int_eq(api.cancel(other), SCARD_S_SUCCESS);
	ck_assert_int_eq(waiter_end(&second, &took), SCARD_E_CANCELLED);
	ck_assert_int_eq(list_code(other), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(waiting), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(other), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(third), SCARD_S_SUCCESS);
}
END_TEST

/* The client's pcscd goes: for a program in the session, its readers do. */
START_TEST(list_of_readers_changes)
{
	SCARDCONTEXT context;
	Waiter waiter;
	gint64 took;

	rig_chansrv_connect(chansrv);
	context = new_context();
	waiter_start(&waiter, context, PNP);
	rig_pcscd_stop(stage.pcscd);
	ck_assert_int_eq(waiter_end(&waiter, &took), SCARD_S_SUCCESS);
	ck_assert_uint_eq(waiter.state.dwEventState, SCARD_STATE_CHANGED);
	ck_assert_int_eq(list_code(context), SCARD_E_NO_READERS_AVAILABLE);
	ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
}
END_TEST

/* A client that ends each wait at once does not make a wait a loop. */
START_TEST(hasty_client_is_not_flooded)
{
	SCARD_READERSTATE state = {.szReader = stage_reader()};
	SCARDCONTEXT context;
	guint64 before;

	rig_chansrv_connect(chansrv);
	context = new_context();
	ck_assert_int_eq(api.change(context, 0, &state, 1), SCARD_S_SUCCESS);
	state.dwCurrentState = state.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
	rig_chansrv_set_mode(chansrv, "hasty");
	before = rig_chansrv_requests(chansrv);
	/* What a hasty client says of a reader that it was told nothing about is nothing. */
	state.dwCurrentState = SCARD_STATE_UNAVAILABLE;
	ck_assert_int_eq(api.change(context, 2000, &state, 1), SCARD_E_TIMEOUT);
	ck_assert_uint_lt(rig_chansrv_requests(chansrv) - before, 30);
	ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
}
END_TEST

/* --- in the process --- */

START_TEST(child_has_none_of_the_parent)
{
	SCARDCONTEXT context;
	int status;
	pid_t child;

	rig_chansrv_connect(chansrv);
	context = new_context();
	child = fork();
	if (child == 0) {
		bool good = api.is_valid(context) == SCARD_E_INVALID_HANDLE &&
			    list_code(context) == SCARD_E_INVALID_HANDLE &&
			    establish_code() == SCARD_S_SUCCESS;

		_exit(good ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(list_code(context), SCARD_S_SUCCESS);
	ck_assert_int_eq(api.release(context), SCARD_S_SUCCESS);
}
END_TEST

START_TEST(nothing_is_left_open)
{
	unsigned before;

	rig_chansrv_connect(chansrv);
	ck_assert_int_eq(establish_code(), SCARD_S_SUCCESS);
	before = rig_descriptors(getpid());
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(establish_code(), SCARD_S_SUCCESS);
	rig_chansrv_disconnect(chansrv);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(establish_code(), SCARD_E_NO_SERVICE);
	ck_assert_uint_eq(rig_descriptors(getpid()), before);
}
END_TEST

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "address kind name" a line. */
static char *exported(const char *path)
{
	const char *argv[] = {"nm", "-D", "--defined-only", path, NULL};
	g_autofree char *output = rig_run_ok(argv, NULL);
	g_auto(GStrv) lines = g_strsplit(g_strstrip(output), "\n", -1);
	guint count = g_strv_length(lines);

	for (guint i = 0; i < count; i++)
		memmove(lines[i], lines[i] + 17, strlen(lines[i] + 17) + 1);
	qsort(lines, count, sizeof(*lines), by_name);
	return g_strjoinv("\n", lines);
}

START_TEST(exports_what_the_stock_library_does)
{
	g_autofree char *library = rig_chansrv_library();
	g_autofree char *ours = exported(library);
	g_autofree char *theirs = exported(STOCK_LIBRARY);

	ck_assert_str_eq(ours, theirs);
}
END_TEST

static void add_case(Suite *suite, TCase *tcase)
{
	tcase_set_timeout(tcase, 180);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("xrdp");
	TCase *opensc = tcase_create("opensc");
	TCase *service = tcase_create("service");
	TCase *wait = tcase_create("wait");
	TCase *process = tcase_create("process");

	rig_enter();
	add_case(suite, opensc);
	tcase_add_loop_test(opensc, opensc_reads_and_signs, 0, 2);
	tcase_add_test(opensc, opensc_says_so_when_no_card_can_be_used);
	tcase_add_test(opensc, misread_handle_is_no_card);
	add_case(suite, service);
	tcase_add_test(service, no_session_no_service);
	tcase_add_test(service, strange_sockets_are_none);
	tcase_add_test(service, displays_are_apart);
	tcase_add_test(service, client_reconnects_between_calls);
	add_case(suite, wait);
	tcase_add_loop_test(wait, client_disconnects_in_a_wait, 0, 2);
	tcase_add_test(wait, chansrv_is_killed);
	tcase_add_test(wait, contexts_do_not_wait_for_each_other);
	tcase_add_test(wait, list_of_readers_changes);
	tcase_add_test(wait, hasty_client_is_not_flooded);
	add_case(suite, process);
	tcase_add_test(process, child_has_none_of_the_parent);
	tcase_add_test(process, nothing_is_left_open);
	tcase_add_test(process, exports_what_the_stock_library_does);
	return harness_run(suite, argc, argv);
}
