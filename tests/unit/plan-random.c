/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The planner against a model of it, over long random lives of cards, users, hosts and
 * configurations. The model knows certificates, tokens and endpoints as small numbers and keeps
 * claims in a table; it shares no code with the planner, not even the notion of an object. What is
 * compared after every look is the database itself.
 *
 * Two hosts take turns on it, each with readers, sessions and restarts of its own. CERTPROP_SEED
 * in the environment chooses other lives; a failure names the seed and the step.
 *
 * Beside the model, whatever happens: the plan does not depend on the order of its input, nothing
 * is left to be written afterwards, a plan that was cut short is completed by the next one, and
 * what carries no marker of ours is never touched.
 */

#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "plan-world.h"
#include "text.h"

#define N_STEPS     600
#define N_SEEDS     16
#define N_CERTS     8
#define ROOT        7u
#define N_TOKENS    6
#define N_ENDPOINTS 3
#define N_HOSTS     2 /* this one first */
#define N_IDS       3

static const char *const cert_names[N_CERTS] = {
	"ada", "bob", "eve", "old joe", "CA one", "CA two", "old CA", "root"};
static const char *const endpoint_names[N_ENDPOINTS] = {"local", "xrdp:10", "forwarded:desk"};
static const char *const host_names[N_HOSTS] = {WORLD_HOST, "other-host"};

/* Tokens 3 and 4 cannot be told apart, nor be told from being absent while 2 is in; 5 has no
   identity either, but is of another kind. */
static const char *const token_names[N_TOKENS] = {"1", "Other/1", "2", "000", "", "Third/0"};
static const unsigned owner_of[N_TOKENS] = {0, 1, 2, 3, 3, 5};
static const unsigned kind_of[N_TOKENS] = {0, 1, 0, 0, 0, 2};
static const bool has_identity[N_TOKENS] = {true, true, true, false, false, false};

typedef struct ModelClaim {
	bool there;
	bool trust;
	unsigned id;
	gint64 since;
} ModelClaim;

/* One certificate in the database. */
typedef struct ModelEntry {
	bool there;
	bool renamed, trusted, reimported, annotated;
	bool given;                                        /* trust, by us */
	ModelClaim claims[N_TOKENS][N_ENDPOINTS][N_HOSTS]; /* by owner_of the token */
} ModelEntry;

/* What happens to be in the readers, and what was seen of it. */
typedef struct ModelSlot {
	bool in;    /* the token is in a reader of this endpoint */
	bool read;  /* in this look */
	bool whole; /* and to its end */
} ModelSlot;

/* What one host sees. */
typedef struct ModelHost {
	ModelSlot slots[N_TOKENS][N_ENDPOINTS];
	bool listed[N_ENDPOINTS], live[N_ENDPOINTS], settled[N_ENDPOINTS];
	bool reading;   /* it is the look at a card, whether it shows a token or not */
	gint64 session; /* since when its daemon runs; 0: nobody says */
	bool pinned;    /* the root, by its administrator */
} ModelHost;

typedef struct Model {
	bool carries[N_TOKENS][N_CERTS][N_IDS];
	ModelHost hosts[N_HOSTS];
	unsigned host; /* whose look it is */
	bool password; /* the database has one: it takes no trust */
	bool enabled, logout, expecting, remove_local, remove_logout, ca_keep, time_allow, ca_skip;
	ConfigRedirected redirected;
	gint64 now;
	double meddling;
	ModelEntry entries[N_CERTS];
} Model;

static bool is_ca(unsigned cert)
{
	return strstr(cert_names[cert], "CA") != NULL || cert == ROOT;
}

static bool is_old(unsigned cert)
{
	return g_str_has_prefix(cert_names[cert], "old");
}

/* The model's rules */

static const ModelHost *here(const Model *m)
{
	return &m->hosts[m->host];
}

static bool wants(const Model *m, unsigned cert, unsigned endpoint)
{
	if (endpoint != 0 && m->redirected == CONFIG_REDIRECTED_IGNORE)
		return false;
	if (is_old(cert) && !m->time_allow)
		return false;
	if (cert == ROOT)
		return endpoint == 0 && here(m)->pinned;
	if (is_ca(cert))
		return endpoint == 0 && !m->ca_skip;
	return true;
}

static bool marked(const ModelEntry *entry)
{
	for (unsigned o = 0; o < N_TOKENS; o++) {
		for (unsigned e = 0; e < N_ENDPOINTS; e++) {
			for (unsigned h = 0; h < N_HOSTS; h++) {
				if (entry->claims[o][e][h].there)
					return true;
			}
		}
	}
	return false;
}

/* The CKA_IDs under which an owner was read with a certificate. */
static bool read_ids(
	const Model *m, unsigned owner, unsigned endpoint, unsigned cert, bool ret_ids[N_IDS])
{
	bool any = false;

	memset(ret_ids, 0, N_IDS * sizeof(bool));
	for (unsigned t = 0; t < N_TOKENS; t++) {
		if (owner_of[t] != owner || !here(m)->slots[t][endpoint].read)
			continue;
		for (unsigned i = 0; i < N_IDS; i++) {
			ret_ids[i] = ret_ids[i] || m->carries[t][cert][i];
			any = any || m->carries[t][cert][i];
		}
	}
	return any;
}

/* Its session has ended, and should have taken it along. */
static bool outlived(const Model *m, unsigned cert, unsigned endpoint, const ModelClaim *claim)
{
	return m->remove_logout && endpoint == 0 && !(is_ca(cert) && m->ca_keep) &&
	       here(m)->session != 0 && claim->since < MIN(here(m)->session, m->now);
}

/* A pinned root that is read is trusted where nobody else has a word in it. */
static bool trusts(const Model *m, unsigned cert)
{
	const ModelEntry *entry = &m->entries[cert];
	bool users = entry->there &&
		     (!marked(entry) || entry->renamed || entry->trusted || entry->reimported);

	return cert == ROOT && !users && (!m->password || entry->given);
}

static void model_claim(Model *m, unsigned cert)
{
	ModelEntry *entry = &m->entries[cert];
	bool create = !entry->there;
	bool ours = create || marked(entry);
	bool trust = trusts(m, cert);

	for (unsigned o = 0; o < N_TOKENS; o++) {
		for (unsigned e = 0; e < N_ENDPOINTS; e++) {
			ModelClaim *claim = &entry->claims[o][e][m->host];
			bool ids[N_IDS];
			unsigned first = 0;

			if (!wants(m, cert, e) || !read_ids(m, o, e, cert, ids))
				continue;
			if (!ours || entry->reimported)
				continue;
			entry->there = true;
			while (!ids[first])
				first++;
			if (!claim->there || outlived(m, cert, e, claim))
				*claim = (ModelClaim){.there = true,
					.id = first,
					.since = m->now,
					.trust = claim->there && claim->trust};
			else if (!ids[claim->id])
				claim->id = first;
			claim->trust = claim->trust || trust;
			entry->given = entry->given || trust;
		}
	}
}

static bool owner_in(const Model *m, unsigned owner, unsigned endpoint)
{
	for (unsigned t = 0; t < N_TOKENS; t++) {
		bool same =
			has_identity[owner] ? owner_of[t] == owner : kind_of[t] == kind_of[owner];

		if (same && here(m)->slots[t][endpoint].in)
			return true;
	}
	return false;
}

/* A token of this owner was read, and not one of them said that it could not be read to its end. */
static bool read_whole(const Model *m, unsigned owner, unsigned endpoint, bool *ret_read)
{
	bool carries_any = false;
	bool whole = true;

	*ret_read = false;
	for (unsigned t = 0; t < N_TOKENS; t++) {
		const ModelSlot *slot = &here(m)->slots[t][endpoint];

		if (owner_of[t] != owner || !slot->read)
			continue;
		*ret_read = true;
		whole = whole && slot->whole;
		for (unsigned c = 0; c < N_CERTS; c++) {
			for (unsigned i = 0; i < N_IDS; i++)
				carries_any = carries_any || m->carries[t][c][i];
		}
	}
	return *ret_read && whole && carries_any;
}

static bool any_listed(const Model *m)
{
	return here(m)->listed[0] || here(m)->listed[1] || here(m)->listed[2];
}

static bool goes(const Model *m, unsigned cert, unsigned owner, unsigned endpoint)
{
	bool ids[N_IDS];
	bool read;
	bool whole = read_whole(m, owner, endpoint, &read);
	bool carried = read_ids(m, owner, endpoint, cert, ids);
	bool live = here(m)->listed[endpoint] && here(m)->live[endpoint];
	/* One that is not known may still come. */
	bool dead = here(m)->listed[endpoint] ? !live : !m->expecting;
	bool idle = !here(m)->reading;
	bool in = owner_in(m, owner, endpoint);
	bool out = idle && live && here(m)->settled[endpoint] && !in;

	if (whole && carried && !wants(m, cert, endpoint))
		return true;
	if (whole && !carried && has_identity[owner])
		return true;

	if (endpoint != 0) {
		if (m->redirected == CONFIG_REDIRECTED_SESSION)
			return m->logout || out || (idle && any_listed(m) && dead);
		return m->redirected == CONFIG_REDIRECTED_IGNORE;
	}
	if (is_ca(cert) && m->ca_keep)
		return false;
	/* Unless its endpoint's cards are being read. */
	if (idle && !in && (!live || here(m)->settled[endpoint]) &&
		outlived(m, cert, endpoint, &m->entries[cert].claims[owner][endpoint][m->host]))
		return true;
	return (m->logout && m->remove_logout) || (m->remove_local && out);
}

/* What is not pinned any more loses our trust, when no other host's claim stands for it. */
static void model_unpin(Model *m, ModelEntry *entry)
{
	bool trust = false;

	for (unsigned o = 0; o < N_TOKENS; o++) {
		for (unsigned e = 0; e < N_ENDPOINTS; e++) {
			for (unsigned h = 0; h < N_HOSTS; h++) {
				ModelClaim *claim = &entry->claims[o][e][h];

				if (h == m->host && !here(m)->pinned)
					claim->trust = false;
				trust = trust || (claim->there && claim->trust);
			}
		}
	}
	entry->given = entry->given && trust;
}

static void model_end(Model *m, unsigned cert)
{
	ModelEntry *entry = &m->entries[cert];
	bool changed = false;

	if (!entry->there || !marked(entry))
		return;
	if (entry->reimported) {
		memset(entry->claims, 0, sizeof(entry->claims));
		/* Who imports it says himself what he thinks of it. */
		entry->trusted = entry->trusted || entry->given;
		entry->given = false;
		return;
	}
	for (unsigned o = 0; o < N_TOKENS; o++) {
		for (unsigned e = 0; e < N_ENDPOINTS; e++) {
			if (!entry->claims[o][e][m->host].there || !goes(m, cert, o, e))
				continue;
			entry->claims[o][e][m->host].there = false;
			changed = true;
		}
	}
	model_unpin(m, entry);
	if (changed && !marked(entry) && !entry->renamed && !entry->trusted && !entry->annotated)
		*entry = (ModelEntry){0};
}

static void model_look(Model *m)
{
	if (!m->enabled)
		return;
	for (unsigned c = 0; c < N_CERTS; c++) {
		if (!m->logout)
			model_claim(m, c);
		model_end(m, c);
	}
}

/* Chance */

static bool chance(GRand *rand, double p)
{
	return g_rand_double(rand) < p;
}

static unsigned below(GRand *rand, unsigned n)
{
	return (unsigned)g_rand_int_range(rand, 0, (gint32)n);
}

/* Cards are renewed, and swapped for others of the same serial number. */
static void renew(Model *m, GRand *rand)
{
	for (unsigned t = 0; t < N_TOKENS; t++) {
		for (unsigned c = 0; c < N_CERTS; c++) {
			for (unsigned i = 0; i < N_IDS; i++) {
				if (chance(rand, 0.04))
					m->carries[t][c][i] = !m->carries[t][c][i];
				if (chance(rand, 0.06))
					m->carries[t][c][i] = false;
			}
		}
	}
}

/* Cards move, and some or none of them is read in this look. */
static void move(ModelHost *host, GRand *rand)
{
	double reads = chance(rand, 0.6) ? 0.7 : 0.0;

	host->reading = reads > 0.0 || chance(rand, 0.1);
	for (unsigned t = 0; t < N_TOKENS; t++) {
		for (unsigned e = 0; e < N_ENDPOINTS; e++) {
			ModelSlot *slot = &host->slots[t][e];

			if (chance(rand, 0.2))
				slot->in = !slot->in;
			slot->read = slot->in && chance(rand, reads);
			slot->whole = chance(rand, 0.7);
			host->reading = host->reading || slot->read;
		}
	}
}

/* A look of one of the hosts: cards move, sessions come and go, its daemon is started anew. */
static void happen(Model *m, GRand *rand)
{
	ModelHost *host;

	m->now += 1 + below(rand, 1000);
	m->logout = chance(rand, 0.05);
	m->expecting = chance(rand, 0.2);
	m->host = chance(rand, 0.4);
	host = &m->hosts[m->host];
	if (chance(rand, 0.1))
		host->session = chance(rand, 0.8) ? m->now : 0;
	if (chance(rand, 0.1))
		host->pinned = chance(rand, 0.7);
	if (chance(rand, 0.05))
		m->password = !m->password;

	renew(m, rand);
	move(host, rand);
	for (unsigned e = 0; e < N_ENDPOINTS; e++) {
		host->listed[e] = chance(rand, 0.8);
		host->live[e] = chance(rand, 0.8);
		host->settled[e] = chance(rand, 0.6);
	}
}

static void configure(Model *m, World *world, GRand *rand)
{
	static const char *const policies[] = {"session", "keep", "ignore"};

	if (!chance(rand, 0.2))
		return;

	m->enabled = chance(rand, 0.9);
	m->remove_local = chance(rand, 0.5);
	m->remove_logout = chance(rand, 0.5);
	m->ca_keep = chance(rand, 0.3);
	m->ca_skip = chance(rand, 0.2);
	m->time_allow = chance(rand, 0.3);
	m->redirected = chance(rand, 0.6) ? CONFIG_REDIRECTED_SESSION : below(rand, 3);
	world_set(world, "propagation", "enabled", m->enabled ? "true" : "false");
	world_set(world, "local", "on-removal", m->remove_local ? "remove" : "keep");
	world_set(world, "local", "on-logout", m->remove_logout ? "remove" : "keep");
	world_set(world, "ca", "cleanup", m->ca_keep ? "keep" : "with-owner");
	world_set(world, "ca", "intermediates", m->ca_skip ? "skip" : "import");
	world_set(world, "filter", "time-invalid", m->time_allow ? "allow" : "skip");
	world_set(world, "redirected", "policy", policies[m->redirected]);
}

/* The user does something to one certificate of the database. */
static void meddle(Model *m, World *world, GRand *rand)
{
	unsigned c = below(rand, N_CERTS);
	ModelEntry *entry = &m->entries[c];
	PlanObject *object = world_object(world, cert_names[c]);

	if (!chance(rand, m->meddling))
		return;
	if (!entry->there) {
		if (chance(rand, 0.2)) {
			(void)world_import(world, cert_names[c]);
			*entry = (ModelEntry){.there = true, .reimported = true, .renamed = true};
		}
		return;
	}

	/* What is his he throws away sooner or later: there is more to see without it. */
	switch (!marked(entry) && chance(rand, 0.7) ? 3 : below(rand, 6)) {
	case 0:
		g_free(object->label);
		object->label = g_strdup("mine");
		entry->renamed = true;
		break;
	case 1:
		object->has_trust = true;
		object->own_trust = false;
		entry->trusted = true;
		entry->given = false;
		break;
	case 2:
		object->has_key = true;
		entry->reimported = true;
		break;
	case 3:
		ck_assert(g_ptr_array_remove(world->objects, object));
		*entry = (ModelEntry){0};
		break;
	case 4:
		if (marked(entry) && !entry->annotated) {
			g_ptr_array_add(object->marker->others, g_strdup("# mine"));
			entry->annotated = true;
		}
		break;
	case 5:
		g_bytes_unref(object->id);
		object->id = g_bytes_new("SHA-1 of the key", 16);
		entry->reimported = true;
		break;
	}
}

/* From the model to what the planner is given. */
static void show(const Model *m, World *world)
{
	world_look(world);
	world->host = host_names[m->host];
	world->now = m->now;
	world->session = here(m)->session;
	world->logout = m->logout;
	world->expecting = m->expecting;
	world->reading = here(m)->reading;
	world->can_trust = !m->password;
	world_set(world, "ca", "trusted-roots",
		here(m)->pinned ? world_cert(cert_names[ROOT])->sha256_hex : "");

	for (unsigned e = 0; e < N_ENDPOINTS; e++) {
		if (here(m)->listed[e])
			world_endpoint(
				world, endpoint_names[e], here(m)->live[e], here(m)->settled[e]);
	}
	for (unsigned t = 0; t < N_TOKENS; t++) {
		for (unsigned e = 0; e < N_ENDPOINTS; e++) {
			const ModelSlot *slot = &here(m)->slots[t][e];
			PlanToken *token;

			if (slot->in && !slot->read)
				world_present(world, token_names[t], endpoint_names[e]);
			if (!slot->read)
				continue;
			token = world_read(world, token_names[t], endpoint_names[e], slot->whole);
			for (unsigned i = 0; i < N_CERTS * N_IDS; i++) {
				if (m->carries[t][i / N_IDS][i % N_IDS])
					world_carry(
						token, cert_names[i / N_IDS], (guint8)(i % N_IDS));
			}
		}
	}
}

static void shuffle(GPtrArray *array, GRand *rand)
{
	for (guint i = array->len; i > 1; i--) {
		guint j = below(rand, i);
		gpointer swap = array->pdata[i - 1];

		array->pdata[i - 1] = array->pdata[j];
		array->pdata[j] = swap;
	}
}

/* Comparing */

static bool find_claim(const Claim *claim, const ModelEntry *entry)
{
	for (unsigned o = 0; o < N_TOKENS; o++) {
		g_autoptr(Token) token = world_token(token_names[o]);

		if (owner_of[o] != o || !claim_same_token(token, claim->token))
			continue;
		for (unsigned i = 0; i < N_ENDPOINTS * N_HOSTS; i++) {
			const ModelClaim *expected = &entry->claims[o][i / N_HOSTS][i % N_HOSTS];
			g_autofree char *since = text_time(expected->since);
			const guint8 *id = g_bytes_get_data(claim->id, NULL);

			if (!expected->there ||
				strcmp(claim->endpoint, endpoint_names[i / N_HOSTS]) != 0 ||
				strcmp(claim->host, host_names[i % N_HOSTS]) != 0)
				continue;
			return id[0] == expected->id && strcmp(claim->since, since) == 0 &&
			       claim->trust == expected->trust;
		}
	}
	return false;
}

static guint count_claims(const ModelEntry *entry)
{
	guint n = 0;

	for (unsigned i = 0; i < N_TOKENS * N_ENDPOINTS * N_HOSTS; i++)
		n += (&entry->claims[0][0][0])[i].there;
	return n;
}

static void compare(const Model *m, const World *world, const char *where)
{
	guint n = 0;

	for (unsigned c = 0; c < N_CERTS; c++) {
		const ModelEntry *entry = &m->entries[c];
		const PlanObject *object = world_object(world, cert_names[c]);
		guint n_claims =
			object != NULL && object->marker != NULL ? object->marker->claims->len : 0;

		ck_assert_msg((object != NULL) == entry->there, "%s: \"%s\" is %s", where,
			cert_names[c], entry->there ? "missing" : "still there");
		ck_assert_msg(n_claims == count_claims(entry), "%s: \"%s\" has %u claims, not %u",
			where, cert_names[c], n_claims, count_claims(entry));
		for (guint i = 0; i < n_claims; i++)
			ck_assert_msg(find_claim(object->marker->claims->pdata[i], entry),
				"%s: \"%s\" has a wrong claim", where, cert_names[c]);
		ck_assert_msg(
			object == NULL || (object->has_trust == (entry->given || entry->trusted) &&
						  plan_object_trusted(object) == entry->given),
			"%s: \"%s\" has the wrong trust", where, cert_names[c]);
		n += entry->there;
	}
	ck_assert_uint_eq(world->objects->len, n);
}

/* All that can be seen of the certificates that are the user's. */
static char *users_own(const Model *m, const World *world)
{
	GString *text = g_string_new(NULL);

	for (unsigned c = 0; c < N_CERTS; c++) {
		const PlanObject *object = world_object(world, cert_names[c]);
		g_autofree char *marker = NULL;

		if (!m->entries[c].there || marked(&m->entries[c]))
			continue;
		ck_assert_ptr_nonnull(object);
		if (object->marker != NULL)
			marker = marker_format(object->marker, NULL);
		g_string_append_printf(text, "%lu %s %s %u %d %d %d [%s]\n", object->handle,
			object->cert->sha256_hex, object->label, g_bytes_hash(object->id),
			object->has_trust, object->own_trust, object->has_key,
			marker != NULL ? marker : "");
	}
	return g_string_free(text, FALSE);
}

/* The same plan, down to the bytes of the markers, from the input in any order. */
static void assert_order_is_nothing(World *world, GRand *rand, const char *where)
{
	g_autoptr(Plan) before = world_plan(world);
	g_autofree char *before_text = world_text(before, true);
	g_autoptr(Plan) after = NULL;
	g_autofree char *after_text = NULL;

	shuffle(world->objects, rand);
	shuffle(world->tokens, rand);
	shuffle(world->endpoints, rand);
	shuffle(world->present, rand);
	for (guint i = 0; i < world->tokens->len; i++)
		shuffle(((PlanToken *)world->tokens->pdata[i])->certs, rand);

	after = world_plan(world);
	after_text = world_text(after, true);
	ck_assert_msg(strcmp(after_text, before_text) == 0, "%s: the order matters", where);
}

static guint32 first_seed(void)
{
	const char *wish = g_getenv("CERTPROP_SEED");

	return wish != NULL ? (guint32)g_ascii_strtoull(wish, NULL, 10) : 20261122u;
}

static PlanTrust trust_of(const Plan *plan, guint n)
{
	return ((const PlanStep *)plan->steps->pdata[n])->trust;
}

/* Killed half-way: the rest is done at the next look. */
static void crash(World *world, GRand *rand)
{
	g_autoptr(Plan) plan = world_plan(world);
	guint n = below(rand, plan->steps->len + 1);
	PlanObject *root;

	world_apply(world, plan, n);
	/* Between a marker and its trust object: the one is written, or the other gone. */
	root = world_object(world, cert_names[ROOT]);
	if (root != NULL && chance(rand, 0.5) &&
		((n > 0 && trust_of(plan, n - 1) == PLAN_TRUST_GIVE) ||
			(n < plan->steps->len && trust_of(plan, n) == PLAN_TRUST_TAKE)))
		root->has_trust = root->own_trust = false;
}

static void live_on(
	Model *m, World *world, GRand *rand, guint *n_created, guint *n_deleted, guint *n_trusted)
{
	g_autofree char *text = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	Model then;

	configure(m, world, rand);
	meddle(m, world, rand);
	happen(m, rand);
	show(m, world);
	assert_order_is_nothing(world, rand, world->where);
	then = *m;
	before = users_own(&then, world);
	if (chance(rand, 0.3))
		crash(world, rand);

	text = world_run(world);
	*n_created += strstr(text, "create ") != NULL;
	*n_deleted += strstr(text, "delete ") != NULL;
	*n_trusted += strstr(text, "+trust") != NULL;
	model_look(m);
	compare(m, world, world->where);
	after = users_own(&then, world);
	ck_assert_msg(strcmp(before, after) == 0, "%s: the user's own: %s, and was: %s",
		world->where, after, before);
}

START_TEST(test_random)
{
	guint32 seed = first_seed() + (guint32)_i;
	GRand *rand = g_rand_new_with_seed(seed);
	g_autoptr(World) world = world_new();
	g_autofree Model *m = g_new0(Model, 1);
	guint n_deleted = 0, n_created = 0, n_trusted = 0;

	m->enabled = true;
	m->now = WORLD_NOW;
	m->meddling = _i % 2 == 0 ? 0.15 : 0.4;
	for (unsigned step = 0; step < N_STEPS; step++) {
		g_autofree char *where = g_strdup_printf("seed %u, step %u", seed, step);

		world->where = where;
		live_on(m, world, rand, &n_created, &n_deleted, &n_trusted);
	}
	g_rand_free(rand);
	/* The life was one. */
	ck_assert_uint_gt(n_created, 10);
	ck_assert_uint_gt(n_deleted, 1);
	ck_assert_uint_gt(n_trusted, 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("plan-random");
	TCase *tcase = tcase_create("random");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_random, 0, N_SEEDS);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
