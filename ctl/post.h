/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One endpoint of a look: its watcher, and a chain of pipelines for each of its readers with a
 * card.
 */

#include "chain.h"
#include "seen.h"

G_BEGIN_DECLS

typedef struct Post Post;

/* Every chain has ended, or there is none to be run; never from within post_new(). */
typedef void (*PostFunc)(Post *post, gpointer data);

/* `socket` of a redirected endpoint, else NULL. `endpoint` is kept up to date, and must outlive it
   like `shared`. */
Post *post_new(const ChainShared *shared, SeenEndpoint *endpoint, const char *socket,
	PostFunc ended, PostFunc changed, gpointer data);
/* It has ended: no more is heard of it, but what its chains have told stays. */
void post_rest(Post *post);
Post *post_free(Post *post);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Post, post_free)

bool post_ended(const Post *post);

G_END_DECLS
