/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random lives with everything real: pcscd, cards that come, go and are renewed in two readers,
 * two of them with a certificate in common, certpropd that is killed, ended, restarted and given
 * another policy, a second host on the same database, and a user with certutil. After each step the
 * database has to become what the model says (component/life.h), row by row.
 *
 * The name of the test case is the seed: "life-3". CERTPROP_SEED and CERTPROP_STEPS in the
 * environment choose others; a failure names both and the steps that led to it.
 */
#include "life-host.h"
#include "life.h"
#include "mainjob.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define STEPS      60u
#define LIVES      4u
#define WAIT_MS    60000u
#define TICK_US    10000
#define KILL_MS    300 /* within which a step is cut short */
#define RELOADED   "Configuration: read again"
#define LOG_MAX    3000u
#define TOLD_STEPS 12u

static Life *life;
static GRand *chance;
static char *directories[LIFE_CARDS];
static int seats[WORLD_READERS]; /* the card in a reader, or -1 */
static char *session;            /* since when certpropd runs */
static GPtrArray *story;         /* char *: the steps */

static unsigned below(unsigned n)
{
	return (unsigned)g_rand_int_range(chance, 0, (gint32)n);
}

static G_GNUC_PRINTF(1, 2) void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(story, g_strdup_vprintf(format, args));
	va_end(args);
}

/* Looks */

static bool is_seated(unsigned card)
{
	for (unsigned i = 0; i < WORLD_READERS; i++) {
		if (seats[i] == (int)card)
			return true;
	}
	return false;
}

static LifeView view_of(LifeHost host)
{
	LifeView view = {.host = host, .session = host == LIFE_HERE ? session : NULL};

	view.live[LIFE_LOCAL] = true;
	view.settled[LIFE_LOCAL] = true;
	for (unsigned card = 0; card < LIFE_CARDS; card++)
		view.in[card][LIFE_LOCAL] = is_seated(card);
	return view;
}

/* Every card is read, and then what is left to the store alone. */
static void look(LifeHost host)
{
	LifeView view = view_of(host);

	view.reading = true;
	memcpy(view.read, view.in, sizeof(view.read));
	life_look(life, &view);
	view = view_of(host);
	life_look(life, &view);
}

static bool is_quiet(void)
{
	g_autoptr(GArray) helpers = rig_descendants(rig_process_pid(world.daemon));

	for (unsigned i = 0; i < WORLD_READERS; i++) {
		g_autofree char *state = world_reader(i, "state");

		if (g_strcmp0(state, seats[i] >= 0 ? "read" : "empty") != 0)
			return false;
	}
	return helpers->len == 1;
}

/* What is wrong, or NULL. */
static char *wrong(void)
{
	if (!is_quiet() || !is_quiet())
		return g_strdup("the daemon is not at rest");
	return life_difference(life, world.database);
}

static void give_up(const char *what)
{
	g_autofree char *log = rig_process_errors(world.daemon);
	gsize length = strlen(log);
	guint first = story->len > TOLD_STEPS ? story->len - TOLD_STEPS : 0;
	GString *steps = g_string_new(NULL);

	for (guint i = first; i < story->len; i++)
		g_string_append_printf(steps, "\n%u: %s", i, (char *)g_ptr_array_index(story, i));
	g_printerr("# certpropd said at last:\n%s\n", log + length - MIN(length, LOG_MAX));
	ck_abort_msg("%s, after%s", what, steps->str);
}

static void wait_until_right(void)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)WAIT_MS * 1000;

	for (;;) {
		g_autofree char *problem = wrong();

		if (problem == NULL)
			break;
		if (g_get_monotonic_time() > deadline)
			give_up(problem);
		g_usleep(TICK_US);
	}
	life_learn(life, world.database);
}

/* Asked for, and whatever it brings. */
static void order_look(void)
{
	g_variant_unref(world_call("Look"));
	look(LIFE_HERE);
}

/* Cards */

static bool any_reader(bool with_card, unsigned *ret_reader)
{
	unsigned first = below(WORLD_READERS);

	for (unsigned i = 0; i < WORLD_READERS; i++) {
		unsigned reader = (first + i) % WORLD_READERS;

		if ((seats[reader] >= 0) == with_card) {
			*ret_reader = reader;
			return true;
		}
	}
	return false;
}

static unsigned any_card_out(void)
{
	unsigned card = below(LIFE_CARDS);

	while (is_seated(card))
		card = (card + 1) % LIFE_CARDS;
	return card;
}

static void put_in(unsigned reader)
{
	unsigned card = any_card_out();

	tell("card %u into reader %u", card, reader);
	world.cards[reader] = rig_card_new(world.pcscd, reader, directories[card]);
	rig_card_insert(world.cards[reader]);
	seats[reader] = (int)card;
}

static void take_out(unsigned reader)
{
	tell("card %d out of reader %u", seats[reader], reader);
	g_clear_pointer(&world.cards[reader], rig_card_free);
	seats[reader] = -1;
}

static void insert(void)
{
	unsigned reader;

	if (!any_reader(false, &reader)) {
		order_look();
		tell("look");
		return;
	}
	put_in(reader);
	look(LIFE_HERE);
}

static void pull(void)
{
	unsigned reader;

	if (!any_reader(true, &reader)) {
		insert();
		return;
	}
	take_out(reader);
	look(LIFE_HERE);
}

static void swap(void)
{
	unsigned reader;

	if (!any_reader(true, &reader)) {
		insert();
		return;
	}
	take_out(reader);
	(void)rig_reader_wait(rig_pcscd_reader(world.pcscd, reader), false);
	/* Before it is sure that the first has left, the second is in: there is no look between. */
	put_in(reader);
	look(LIFE_HERE);
}

/* What a card's directory holds. */
static void learn_card(unsigned card)
{
	for (unsigned i = 0; i < LIFE_PLACES; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(directories[card], i);

		life->cards[card][i] = life_cert(life, der, i % 2 == 1);
	}
}

static void renew(void)
{
	unsigned card = below(LIFE_CARDS);
	unsigned place = below(LIFE_PLACES);

	tell("card %u has certificate %u renewed", card, place);
	job_renew(directories[card], place, below(2) == 0);
	learn_card(card);
	for (unsigned i = 0; i < WORLD_READERS; i++) {
		if (seats[i] == (int)card)
			job_reload(i);
	}
	order_look();
}

/* The user */

/* One of the certificates that are there: certutil knows it by its nickname only, and NSS treats
   all of one subject alike. */
static LifeCert *choose_row(char **ret_label)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	guint n = life->certs->len, first = below(n);

	for (guint i = 0; i < n; i++) {
		LifeCert *cert = g_ptr_array_index(life->certs, (first + i) % n);
		const RigDbRow *row = rig_db_find(rows, cert->der);
		unsigned alike = 0;

		for (guint j = 0; row != NULL && j < rows->len; j++) {
			const RigDbRow *other = g_ptr_array_index(rows, j);

			alike += strcmp(other->label, row->label) == 0;
		}
		if (alike != 1)
			continue;
		*ret_label = g_strdup(row->label);
		return cert;
	}
	return NULL;
}

static char *der_file(const LifeCert *cert)
{
	char *path = g_build_filename(rig_directory(), "user.der", NULL);
	gsize length;
	const char *data = g_bytes_get_data(cert->der, &length);

	ck_assert(g_file_set_contents(path, data, (gssize)length, NULL));
	return path;
}

/* He has done it, nothing else has happened, and then there is a look. */
static void done_by_user(LifeCert *cert)
{
	g_autofree char *problem = NULL;

	life_learn_cert(life, world.database, cert);
	problem = life_difference(life, world.database);
	if (problem != NULL)
		give_up(problem);
	order_look();
}

/* One that is not there, or one that is, on top of it. */
static void import(void)
{
	LifeCert *cert = g_ptr_array_index(life->certs, below(life->certs->len));
	g_autofree char *label = g_strdup_printf("imported %u", story->len);
	g_autofree char *path = der_file(cert);

	tell("the user imports a certificate that is %s", !cert->there         ? "not there"
							  : life_claimed(cert) ? "propagated"
									       : "his own");
	rig_db_import(world.database, label, path, ",,");
	life_import(cert);
	done_by_user(cert);
}

static void certutil(const char *a, const char *label, const char *b, const char *c)
{
	g_autofree char *sql = job_sql();
	const char *argv[] = {"certutil", a, "-d", sql, "-n", label, b, c, NULL};

	g_free(rig_run_ok(argv, NULL));
}

static void delete (void)
{
	g_autofree char *label = NULL;
	LifeCert *cert = choose_row(&label);

	if (cert == NULL) {
		import();
		return;
	}
	tell("the user deletes \"%s\"", label);
	certutil("-D", label, NULL, NULL);
	life_delete(cert);
	done_by_user(cert);
}

static void rename_it(void)
{
	g_autofree char *label = NULL;
	g_autofree char *name = g_strdup_printf("mine %u", story->len);
	LifeCert *cert = choose_row(&label);

	if (cert == NULL) {
		import();
		return;
	}
	tell("the user renames \"%s\" to \"%s\"", label, name);
	certutil("--rename", label, "--new-n", name);
	life_adopt(cert);
	done_by_user(cert);
}

static void trust(void)
{
	g_autofree char *label = NULL;
	LifeCert *cert = choose_row(&label);

	if (cert == NULL) {
		import();
		return;
	}
	tell("the user trusts \"%s\"", label);
	certutil("-M", label, "-t", "P,,");
	life_adopt(cert);
	done_by_user(cert);
}

/* The daemon */

static void start(void)
{
	g_autoptr(GVariant) answer = NULL;
	g_autoptr(GVariant) status = NULL;

	world_start();
	answer = world_call("GetStatus");
	status = g_variant_get_child_value(answer, 0);
	g_clear_pointer(&session, g_free);
	ck_assert(g_variant_lookup(status, "since", "s", &session));
}

/* At any moment: often in the middle of a look. */
static void crash(void)
{
	unsigned reader;

	if (below(2) == 0 && any_reader(false, &reader))
		put_in(reader);
	else
		g_variant_unref(world_call("Look"));
	tell("kill -9");
	/* The point in time is what is random: there is nothing to wait for. */
	g_usleep(1000 * below(KILL_MS));
	g_clear_object(&world.bus);
	rig_process_kill(world.daemon);
	start();
	look(LIFE_HERE);
}

static void log_off(void)
{
	LifeView view = view_of(LIFE_HERE);
	g_autofree char *problem = NULL;

	tell("log-off");
	ck_assert_int_eq(world_stop(), 0);
	view.logout = true;
	if (life->on_logout || life->redirected == LIFE_SESSION)
		life_look(life, &view);
	problem = life_difference(life, world.database);
	if (problem != NULL)
		give_up(problem);
	life_learn(life, world.database);
	start();
	look(LIFE_HERE);
}

static unsigned n_reloads(void)
{
	g_autofree char *log = rig_process_errors(world.daemon);
	unsigned n = 0;

	for (const char *at = log; (at = strstr(at, RELOADED)) != NULL; at++)
		n++;
	return n;
}

static bool is_reloaded(gpointer data)
{
	return n_reloads() > *(const unsigned *)data;
}

static void write_policy(void)
{
	static const char *const redirected[] = {"session", "keep", "ignore"};
	g_autofree char *text =
		g_strdup_printf("[local]\non-removal=%s\non-logout=%s\n"
				"[filter]\necc=%s\n[redirected]\ngrace=0\npolicy=%s\n",
			life->on_removal ? "remove" : "keep", life->on_logout ? "remove" : "keep",
			life->ecc ? "true" : "false", redirected[life->redirected]);

	world_configure(text);
}

static void change_policy(void)
{
	unsigned before = n_reloads();

	life->on_removal = below(2) == 0;
	life->on_logout = below(2) == 0;
	life->ecc = below(3) != 0;
	life->redirected = below(2) == 0 ? LIFE_SESSION : below(3);
	write_policy();
	tell("policy: removal %d, logout %d, ecc %d, redirected %d", life->on_removal,
		life->on_logout, life->ecc, life->redirected);
	ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGHUP), 0);
	rig_wait_until(is_reloaded, &before, WAIT_MS, "the configuration is read again");
	look(LIFE_HERE);
}

/* Others */

static void other_host(void)
{
	tell("the other host looks");
	life_host_sync();
	look(LIFE_THERE);
}

/* A connection's claim, beside another one, of which nobody knows but the database. */
static char *forged_line(const char *line, unsigned card, LifeEndpoint endpoint, LifeHost host)
{
	static const char *const names[] = {"local", "xrdp%3A10", "forwarded%3Adesk"};
	g_autoptr(GRegex) where = g_regex_new("x-endpoint=[^&]*", 0, 0, NULL);
	g_autoptr(GRegex) who = g_regex_new("x-host=[^&]*", 0, 0, NULL);
	g_autoptr(GRegex) what = g_regex_new(";serial=[^;?]*", 0, 0, NULL);
	g_autofree char *new_where = g_strconcat("x-endpoint=", names[endpoint], NULL);
	g_autofree char *new_who = g_strconcat("x-host=", life->hosts[host], NULL);
	g_autofree char *new_what = g_strconcat(";serial=", life->serials[card], NULL);
	g_autofree char *one = g_regex_replace_literal(where, line, -1, 0, new_where, 0, NULL);
	g_autofree char *two = g_regex_replace_literal(who, one, -1, 0, new_who, 0, NULL);

	return g_regex_replace_literal(what, two, -1, 0, new_what, 0, NULL);
}

static LifeCert *choose_claimed(void)
{
	guint n = life->certs->len, first = below(n);

	for (guint i = 0; i < n; i++) {
		LifeCert *cert = g_ptr_array_index(life->certs, (first + i) % n);

		if (life_claimed(cert))
			return cert;
	}
	return NULL;
}

static void lose_connection(void)
{
	LifeCert *cert = choose_claimed();
	unsigned card = below(LIFE_CARDS);
	LifeEndpoint endpoint = below(2) == 0 ? LIFE_XRDP : LIFE_DESK;
	LifeHost host = below(2) == 0 ? LIFE_HERE : LIFE_THERE;
	g_auto(GStrv) lines = NULL;
	g_autofree char *line = NULL;
	g_autofree char *url = NULL;

	if (cert == NULL || cert->claims[card][endpoint][host].there) {
		insert();
		return;
	}
	tell("a claim of card %u at endpoint %d by host %d is left", card, endpoint, host);
	lines = g_strsplit(cert->url, "\n", -1);
	line = forged_line(lines[0], card, endpoint, host);
	url = g_strconcat(cert->url, "\n", line, NULL);
	rig_db_set_url(world.database, cert->der, url);
	cert->claims[card][endpoint][host].there = true;
	done_by_user(cert);
}

static const struct {
	void (*act)(void);
	unsigned weight;
} acts[] = {
	{insert, 20},
	{pull, 16},
	{swap, 6},
	{renew, 8},
	{import, 6},
	{delete, 6},
	{rename_it, 4},
	{trust, 4},
	{crash, 7},
	{log_off, 6},
	{change_policy, 9},
	{other_host, 7},
	{lose_connection, 6},
};

static void step(void)
{
	unsigned sum = 0;
	int ticket;

	for (gsize i = 0; i < G_N_ELEMENTS(acts); i++)
		sum += acts[i].weight;
	ticket = (int)below(sum);
	life_begin(life);
	for (gsize i = 0; i < G_N_ELEMENTS(acts); i++) {
		ticket -= (int)acts[i].weight;
		if (ticket >= 0)
			continue;
		acts[i].act();
		break;
	}
	wait_until_right();
}

/* Two cards have a certificate in common. */
static void share(void)
{
	static const char *const suffixes[] = {"der", "pem"};

	for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *from = job_file(directories[0], 1, suffixes[i]);
		g_autofree char *to = job_file(directories[1], 1, suffixes[i]);
		g_autofree char *data = NULL;
		gsize length;

		ck_assert(g_file_get_contents(from, &data, &length, NULL));
		ck_assert(g_file_set_contents(to, data, (gssize)length, NULL));
	}
}

static void deal_cards(void)
{
	static const char *const names[LIFE_CARDS] = {"Ada", "Boris", "Cleo"};

	for (unsigned i = 0; i < LIFE_CARDS; i++) {
		g_autofree char *guid =
			g_strdup_printf("001122334455667788990000000000%02x", i + 1);
		g_autofree char *token = g_strconcat(names[i], "'s token", NULL);

		directories[i] = rig_deal(&(const Deal){.certs = LIFE_PLACES,
			.guid = guid,
			.cn = names[i],
			.token_cn = token,
			.token_cn_length = strlen(token)});
		life->serials[i] = g_strdup(guid + strlen(guid) / 2);
	}
	share();
	for (unsigned i = 0; i < LIFE_CARDS; i++)
		learn_card(i);
}

static char *host_of(GVariant *answer)
{
	g_autoptr(GVariant) status = g_variant_get_child_value(answer, 0);
	char *host = NULL;

	ck_assert(g_variant_lookup(status, "host", "s", &host));
	return host;
}

/* Which is the other one, it says itself when it claims something. */
static void meet_hosts(void)
{
	g_autoptr(GVariant) answer = world_call("GetStatus");
	g_autofree char *status = life_host_ctl("status", "--json");
	const char *at = strstr(status, "\"host\":");

	life->hosts[LIFE_HERE] = host_of(answer);
	ck_assert_ptr_nonnull(at);
	at = strchr(at + strlen("\"host\":"), '"');
	ck_assert_ptr_nonnull(at);
	life->hosts[LIFE_THERE] = g_strndup(at + 1, strcspn(at + 1, "\""));
	ck_assert_str_ne(life->hosts[LIFE_HERE], life->hosts[LIFE_THERE]);
}

static void begin(void)
{
	life = life_new();
	story = g_ptr_array_new_with_free_func(g_free);
	for (unsigned i = 0; i < WORLD_READERS; i++)
		seats[i] = -1;
	deal_cards();
	write_policy();
	rig_db_create(world.database);
	life_learn_others(life, world.database);
	start();
	meet_hosts();
}

static unsigned number(const char *variable, unsigned otherwise)
{
	const char *wish = g_getenv(variable);

	return wish != NULL ? (unsigned)g_ascii_strtoull(wish, NULL, 10) : otherwise;
}

static void live(unsigned seed)
{
	unsigned steps = number("CERTPROP_STEPS", STEPS);

	seed = number("CERTPROP_SEED", seed);
	g_printerr("# CERTPROP_SEED=%u CERTPROP_STEPS=%u\n", seed, steps);
	chance = g_rand_new_with_seed(seed);
	begin();
	for (unsigned i = 0; i < steps; i++)
		step();
	ck_assert_int_eq(world_stop(), 0);
	g_autofree char *integrity = rig_db_integrity(world.database);
	ck_assert_str_eq(integrity, "ok");
}

START_TEST(life_1)
{
	live(1);
}
END_TEST

START_TEST(life_2)
{
	live(2);
}
END_TEST

START_TEST(life_3)
{
	live(3);
}
END_TEST

START_TEST(life_4)
{
	live(4);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const lives[LIVES] = {life_1, life_2, life_3, life_4};
	Suite *suite = suite_create("life-random");

	rig_enter();
	for (unsigned i = 0; i < LIVES; i++) {
		g_autofree char *name = g_strdup_printf("life-%u", i + 1);
		TCase *tcase = job_case(suite, g_intern_string(name));

		tcase_set_timeout(tcase, 900);
		tcase_add_test(tcase, lives[i]);
	}
	return harness_run(suite, argc, argv);
}
