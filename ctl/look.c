/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's job, once: all endpoints side by side (post.c). A real look ends with the store
 * alone, told of every token that is here now: only then can claims of cards that have left be
 * judged. If a card comes while that takes away already, the look begins anew: what the card has
 * brought before may just have gone.
 *
 * Not here: retries. A reader that is held by somebody else is reported as waiting, and the user,
 * or the daemon, tries again. Nor a grace: a redirected endpoint that is not there now is gone.
 */

#include "look.h"

#include <string.h>

#include "chain.h"
#include "post.h"
#include "route.h"
#include "site.h"

#define ROUNDS_MAX 4

struct LookWork {
	Look *look;
	LookMode mode;
	ChainShared shared;
	GPtrArray *posts;   /* Post */
	GPtrArray *unasked; /* SeenEndpoint: redirected ones that are over the cap */
	Chain *last;        /* the store alone */
	bool beside;        /* a daemon, whose business redirected endpoints are */
	unsigned n_rounds;
	GPtrArray *past_lasts, *past_posts,
		*past_endpoints; /* earlier rounds': reports are theirs */
	bool done;
};

static void post_destroy(gpointer data)
{
	post_free(data);
}

static void chain_destroy(gpointer data)
{
	chain_free(data);
}

static void begin(struct LookWork *work);

static void move_all(GPtrArray *from, GPtrArray *to)
{
	while (from->len > 0)
		g_ptr_array_add(to, g_ptr_array_steal_index(from, 0));
}

static void begin_anew(struct LookWork *work)
{
	for (guint i = 0; i < work->posts->len; i++)
		post_rest(g_ptr_array_index(work->posts, i));
	g_ptr_array_add(work->past_lasts, g_steal_pointer(&work->last));
	move_all(work->posts, work->past_posts);
	move_all(work->look->endpoints, work->past_endpoints);
	begin(work);
}

static void on_last_ended(Chain *chain, gpointer data)
{
	struct LookWork *work = data;

	if (!chain_overtaken(chain)) {
		work->done = true;
	} else if (work->n_rounds < ROUNDS_MAX) {
		begin_anew(work);
	} else {
		g_ptr_array_add(work->look->errors,
			g_strdup("cards came or went each time while certificates were taken away, "
				 "and some of a card that is in may be missing: run it again when "
				 "the readers rest"));
		work->done = true;
	}
}

/* Starts the store alone when all readers are through, and ends the look when that is through. */
static void on_post_ended(Post *post, gpointer data)
{
	struct LookWork *work = data;

	for (guint i = 0; i < work->posts->len; i++)
		if (!post_ended(g_ptr_array_index(work->posts, i)))
			return;
	/* Without anybody's word there is nothing to judge by. */
	if (work->mode == LOOK_TOKENS || !look_any_live(work->look)) {
		work->done = true;
		return;
	}

	work->last = chain_new(&work->shared, NULL, NULL, NULL, on_last_ended, work);
	chain_run(work->last);
}

static void on_post_changed(Post *post, gpointer data)
{
	struct LookWork *work = data;

	if (!work->done && work->last != NULL)
		chain_outdate(work->last);
}

static void add_post(struct LookWork *work, const char *name, const char *socket)
{
	SeenEndpoint *endpoint = seen_endpoint_new(name);

	g_ptr_array_add(work->look->endpoints, endpoint);
	g_ptr_array_add(work->posts,
		post_new(&work->shared, endpoint, socket, on_post_ended, on_post_changed, work));
}

/* A redirected endpoint whose socket may not be used is told as it is, and not asked. */
static void add_site(struct LookWork *work, const Site *site)
{
	SiteEpoch epoch;
	g_autofree char *detail = NULL;
	SiteState state = site_check(site, &epoch, &detail);
	g_autofree char *stale = NULL;
	SeenEndpoint *endpoint;

	if (state == SITE_READY && site_stale(site, &stale)) {
		state = SITE_STALE;
		g_free(detail);
		detail = g_steal_pointer(&stale);
	}
	if (state == SITE_READY) {
		add_post(work, site->endpoint, site->socket);
		return;
	}

	endpoint = seen_endpoint_new(site->endpoint);
	seen_endpoint_set_state(endpoint, site_state_word(state), 0, detail);
	endpoint->unheard = site_state_dark(state);
	g_ptr_array_add(work->look->endpoints, endpoint);
}

/* Those that are left out may be there, unless nobody answers on their socket. What claims they
   have is left as it is; where they are too many to be named, so is that of all that are not. */
static void add_left_out(struct LookWork *work, const GPtrArray *sites)
{
	work->shared.expecting = sites->len >= SITES_FOUND_MAX;
	for (guint i = SITES_MAX; i < sites->len; i++) {
		const Site *site = g_ptr_array_index(sites, i);

		if (site->silent)
			continue;
		if (work->unasked->len == SITES_SPARE_MAX) {
			work->shared.expecting = true;
			break;
		}
		g_ptr_array_add(work->unasked, seen_endpoint_new(site->endpoint));
	}
	work->look->left_out = sites_names(sites, SITES_MAX);
}

static void add_sites(struct LookWork *work)
{
	g_autoptr(GPtrArray) sites = sites_find(work->shared.config);

	if (sites->len > SITES_MAX) {
		sites_rank(sites);
		add_left_out(work, sites);
	}
	for (guint i = 0; i < sites->len && i < SITES_MAX; i++)
		add_site(work, g_ptr_array_index(sites, i));
}

static void begin(struct LookWork *work)
{
	work->n_rounds++;
	work->shared.expecting = work->beside; /* one may have come since it was told */
	g_ptr_array_set_size(work->unasked, 0);
	g_clear_pointer(&work->look->left_out, g_free);
	add_post(work, ROUTE_LOCAL, NULL);
	if (!work->beside)
		add_sites(work);
}

Look *look_start(const Config *config, LookMode mode, const GPtrArray *told)
{
	Look *look = g_new0(Look, 1);
	struct LookWork *work = g_new0(struct LookWork, 1);

	look->endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);
	look->reports = g_ptr_array_new();
	look->errors = g_ptr_array_new_with_free_func(g_free);
	look->work = work;

	work->look = look;
	work->mode = mode;
	work->beside = told != NULL;
	work->unasked = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);
	work->shared = (ChainShared){
		.config = config,
		.dry_run = mode != LOOK_APPLY,
		.endpoints = look->endpoints,
		.others = told != NULL ? told : work->unasked,
		.reports = look->reports,
		.errors = look->errors,
	};
	work->posts = g_ptr_array_new_with_free_func(post_destroy);
	work->past_lasts = g_ptr_array_new_with_free_func(chain_destroy);
	work->past_posts = g_ptr_array_new_with_free_func(post_destroy);
	work->past_endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);
	begin(work);

	return look;
}

void look_wait(Look *look)
{
	while (!look->work->done)
		g_main_context_iteration(NULL, TRUE);
}

bool look_any_live(const Look *look)
{
	for (guint i = 0; i < look->endpoints->len; i++) {
		if (seen_endpoint_live(g_ptr_array_index(look->endpoints, i)))
			return true;
	}

	return false;
}

Look *look_free(Look *look)
{
	if (look == NULL)
		return NULL;

	struct LookWork *work = look->work;
	chain_free(work->last);
	g_ptr_array_unref(work->posts);
	g_ptr_array_unref(work->past_lasts);
	g_ptr_array_unref(work->past_posts);
	g_ptr_array_unref(work->past_endpoints);
	g_ptr_array_unref(work->unasked);
	g_free(work);

	g_ptr_array_unref(look->endpoints);
	g_free(look->left_out);
	g_ptr_array_unref(look->reports);
	g_ptr_array_unref(look->errors);
	g_free(look);

	return NULL;
}
